"""JSON schemas (draft 2020-12) of what goes over the wire, made from the classes that the wire's JSON is made from.

``python -m fanout_server.schema DIR`` writes them, for clients to make their types from; ``docs/schema`` is kept so.
"""
