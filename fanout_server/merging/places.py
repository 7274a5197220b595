"""What stands where in a syntax tree: which children have a name, and where two may be added side by side.

The kinds are those of ast-grep's parsers, of all languages together: they mean the same wherever they occur.
"""

from __future__ import annotations

from enum import Enum

from fanout_server.merging.nodes import Node


class Place(Enum):
    """What two sides may both add in one place."""

    SET = "set"
    """What has a name, or is an import: the order means nothing."""
    ORDERED = "ordered"
    """What has a name; the order may mean something."""
    LIST = "list"
    """Anything; the order may mean something."""
    STATEMENTS = "statements"
    """Calls of the same function."""
    FIXED = "fixed"
    """Nothing."""


def _kinds(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SETS = _kinds(
    "module program source_file translation_unit compilation_unit chunk declaration_list class_body"
    " interface_body object_type object dictionary hash field_declaration_list template_body"
    " protocol_body enum_class_body interface_type struct_declaration_list field_initializer_list"
    " block_mapping flow_mapping named_imports export_clause import_from_statement import_spec_list"
    " use_list annotation_type_body"
)
_ORDERED = _kinds(
    "enum_body enum_variant_list enumerator_list enum_member_declaration_list var_declaration"
    " const_declaration var_spec_list"
)
_LISTS = _kinds(
    "array list set tuple argument_list arguments array_expression initializer_list flow_sequence"
    " block_sequence value_arguments"
)
_STATEMENTS = _kinds("block statement_block compound_statement body_statement function_body statements")
_WITH_COMMAS = _kinds(
    "object dictionary hash array list set tuple argument_list arguments array_expression"
    " initializer_list flow_sequence flow_mapping named_imports export_clause import_from_statement"
    " use_list enum_variant_list enumerator_list enum_body enum_member_declaration_list literal_value"
    " field_initializer_list value_arguments"
)
_SEPARATED_ON_A_LINE = frozenset({"interface_body", "object_type"})
_IMPORTS = _kinds(
    "import_statement import_from_statement import_declaration import_spec use_declaration"
    " using_directive import_header preproc_include namespace_use_declaration extern_crate_declaration"
)
# What is there for one declaration alone, whose name it has.
_WRAPPERS = _kinds(
    "decorated_definition export_statement expression_statement lexical_declaration variable_declaration"
    " ambient_declaration type_declaration const_declaration var_declaration field_declaration declaration"
    " property_declaration type_definition template_declaration class_member"
)
_ASIDE = _kinds("decorator modifiers visibility_modifier accessibility_modifier attribute_list")
_LISTED_NAMES = _kinds(
    "dotted_name aliased_import import_specifier export_specifier shorthand_property_identifier"
    " shorthand_field_initializer scoped_identifier identifier use_as_clause scoped_use_list"
    " type_identifier"
)
_KEYED = _kinds("keyed_element field_initializer pair")
_NAME_FIELDS = ("name", "key", "left", "declarator", "pattern")
_CALLS = _kinds("call call_expression method_invocation function_call macro_invocation invocation_expression")

Key = tuple[str, str]


def of(node: Node) -> Place:
    kind = node.kind
    if kind in _SETS or (
        kind in {"block", "body_statement"} and node.parent in {"class_definition", "class", "module"}
    ):
        return Place.SET
    if kind == "literal_value":
        keyed = [child.kind == "keyed_element" for child in node.inner]
        return Place.SET if keyed and all(keyed) else Place.LIST
    if kind in _ORDERED:
        return Place.ORDERED
    if kind in _LISTS:
        return Place.LIST
    return Place.STATEMENTS if kind in _STATEMENTS else Place.FIXED


def has_commas(node: Node) -> bool:
    return node.kind in _WITH_COMMAS


def separates_on_a_line(node: Node) -> bool:
    return node.kind in _SEPARATED_ON_A_LINE


def key(node: Node, place: Place) -> Key:
    """What a child is known by. Of roles ``import``, ``export`` and ``name`` those with a name of their own are."""
    if not node.named:
        return "token", node.text
    if place is Place.FIXED:
        return "kind", node.kind
    if node.kind in _IMPORTS:
        return "import", _module(node)
    if node.kind == "export_statement" and (source := node.field("source")) is not None:
        return "export", source.text
    name = name_of(node)
    if name is None and place is Place.SET and node.kind in _LISTED_NAMES:
        name = node.text
    if name is not None:
        return "name", name
    return f"text {node.kind}", " ".join(node.text.split())


def is_own(one: Key) -> bool:
    """Whether there can be but one such child."""
    return one[0] in {"import", "export", "name"}


def name_of(node: Node) -> str | None:
    """The name that a declaration gives to something, as far as it tells it from its neighbours."""
    if node.kind in {"import_specifier", "export_specifier", "aliased_import", "use_as_clause"}:
        alias = node.field("alias") or node.field("name")
        return node.text if alias is None else alias.text
    if node.kind == "impl_item":
        return " ".join(child.text for child in node.inner if child.kind not in {"declaration_list", "attribute_item"})
    if node.kind == "augmented_assignment":
        return None
    if node.kind in _KEYED and node.inner:
        return node.inner[0].text.strip("'\"")
    if node.kind == "method_declaration" and (receiver := node.field("receiver")) is not None:
        name = node.field("name")
        return f"{receiver.text.split()[-1].strip('*()')}.{'' if name is None else name.text}"
    for field in _NAME_FIELDS:
        if (found := node.field(field)) is not None:
            inner = _declared(found)
            return inner.text.strip("'\"")
    if node.kind == "export_statement" and any(child.text == "default" for child in node.children):
        return "default"
    if node.kind in _WRAPPERS:
        inside = [child for child in node.inner if child.kind not in _ASIDE]
        if len(inside) == 1:
            return name_of(inside[0])
        declared = [child for child in inside if "declarator" in child.kind or child.kind == "field_identifier"]
        return (name_of(declared[0]) or declared[0].text) if len(declared) == 1 else None
    return None


def callee(node: Node) -> str | None:
    """What a statement calls, if it does nothing else."""
    while node.kind in {"expression_statement", "await_expression", "await"} and len(node.inner) == 1:
        node = node.inner[0]
    if node.kind not in _CALLS or not node.inner:
        return None
    found = node.field("function") or node.field("name") or node.field("method") or node.inner[0]
    receiver = node.field("receiver") or node.field("object")
    return found.text if receiver is None else f"{receiver.text}.{found.text}"


def _module(node: Node) -> str:
    for field in ("module_name", "source"):
        if (found := node.field(field)) is not None:
            kind = "type " if node.text.startswith("import type") else ""
            return kind + found.text
    if any(child.kind == "import_spec_list" for child in node.inner):
        return "(...)"
    argument = node.field("argument")
    path = argument.field("path") if argument is not None and argument.kind == "scoped_use_list" else None
    return " ".join(node.text.split()) if path is None else f"{path.text}::{{...}}"


def _declared(node: Node) -> Node:
    """``*f(int x)`` -> ``f``"""
    while (inner := node.field("declarator")) is not None:
        node = inner
    return node
