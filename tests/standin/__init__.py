"""A stand-in for the services of the models, so that the real programs of agents can be run with nobody to pay.

It speaks on the loopback what Anthropic's, OpenAI's and Gemini's services speak. What its model does is told by lines
of the prompt (``script.py``); what it was asked is written down (``record.py``). ``python -m tests.standin`` starts it.
"""
