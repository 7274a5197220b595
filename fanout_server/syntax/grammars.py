"""What counts as a function and as a class in each language, in the node kinds of ast-grep's parsers.

A rule is ast-grep's: a node matches ``{"kind": K}``, with what it must ``has`` beside it. All kinds named here must be
kinds of the language's grammar, or ast-grep refuses the whole rule.

ast-grep is installed for the agent ``rewrite`` anyway. Beside it tree-sitter-language-pack would bring 190 MB and
single packages for these languages 48 MB, for the same parsers at the same speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from fanout_server.agents import languages

Rule = Mapping[str, Any]


@frozen
class Grammar:
    """``functions`` and ``classes`` are kinds that have a name, ``bound`` are rules for values that get one elsewhere.

    ``with_body`` are the kinds among them that are declarations only unless they have a body. ``around`` are nodes that
    belong to the one symbol that they hold, ``lead`` those that belong to the symbol which follows them (comments,
    attributes). ``named`` are rules for what is no symbol and gives its name to those in it. ``signatures`` belong to
    the function of that name that follows them; in a header (``is_header``), where they are all there is, they and
    ``prototypes`` are functions.
    """

    functions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    bound: tuple[Rule, ...] = ()
    with_body: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    lead: tuple[str, ...] = ("comment",)
    named: tuple[Rule, ...] = ()
    signatures: tuple[str, ...] = ()
    prototypes: tuple[Rule, ...] = ()


def _any(*kinds: str) -> list[Rule]:
    return [{"kind": kind} for kind in kinds]


_JS_VALUES = ("arrow_function", "function_expression", "generator_function", "class")
_JS_VALUE: Rule = {"any": _any(*_JS_VALUES)}
# Calls that give back the function they get, dressed up.
_JS_WRAPPERS = r"(^|\.)(memo|forwardRef|observer|debounce|throttle|useCallback|promisify)$"


def _javascript(classes: tuple[str, ...], fields: str, signatures: tuple[str, ...] = (), module: str = "") -> Grammar:
    holders: Rule = {"kind": "variable_declarator", "has": {"field": "value", "kind": "object"}}
    return Grammar(
        functions=("function_declaration", "generator_function_declaration", "method_definition"),
        classes=classes,
        bound=(
            {"kind": "variable_declarator", "has": {"field": "value", **_JS_VALUE}},
            {
                "kind": "variable_declarator",
                "has": {
                    "field": "value",
                    "kind": "call_expression",
                    "has": {"field": "function", "regex": _JS_WRAPPERS},
                },
            },
            {"kind": "assignment_expression", "has": {"field": "right", **_JS_VALUE}},
            {"kind": "pair", "has": {"field": "value", **_JS_VALUE}},
            {"kind": fields, "has": {"field": "value", **_JS_VALUE}},
            {"kind": "export_statement", "has": {"field": "value", **_JS_VALUE}},
        ),
        around=(
            "export_statement",
            "expression_statement",
            "lexical_declaration",
            "variable_declaration",
            *(("ambient_declaration",) if signatures else ()),
        ),
        lead=("comment", "decorator"),
        named=(holders, *_any(*([module] if module else []))),
        signatures=signatures,
    )


_TYPESCRIPT = _javascript(
    ("class_declaration", "abstract_class_declaration", "interface_declaration", "enum_declaration"),
    "public_field_definition",
    ("function_signature", "method_signature"),
    "internal_module",
)

_C_TYPES = ("struct_specifier", "union_specifier", "enum_specifier")
_C_FUNCTION: Rule = {
    "kind": "function_declarator",
    "has": {"field": "declarator", "any": _any("identifier")},
}


def _c(more_classes: tuple[str, ...] = (), more_around: tuple[str, ...] = ()) -> Grammar:
    classes = (*_C_TYPES, *more_classes)
    return Grammar(
        functions=("function_definition",),
        classes=classes,
        with_body=("function_definition", *classes),
        around=("type_definition", "declaration", *more_around),
        prototypes=(
            {"kind": "declaration", "has": {"field": "declarator", **_C_FUNCTION}},
            {
                "kind": "declaration",
                "has": {"field": "declarator", "kind": "pointer_declarator", "has": {"stopBy": "end", **_C_FUNCTION}},
            },
        ),
    )


_GRAMMARS: dict[str, Grammar] = {
    "python": Grammar(
        functions=("function_definition",),
        classes=("class_definition",),
        around=("decorated_definition",),
    ),
    "javascript": _javascript(("class_declaration",), "field_definition"),
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "go": Grammar(
        functions=("function_declaration", "method_declaration"),
        bound=({"kind": "type_spec", "has": {"field": "type", "any": _any("struct_type", "interface_type")}},),
        with_body=("function_declaration", "method_declaration"),
        around=("type_declaration",),
    ),
    "rust": Grammar(
        functions=("function_item", "macro_definition"),
        classes=("struct_item", "enum_item", "union_item", "trait_item", "impl_item"),
        lead=("line_comment", "block_comment", "attribute_item"),
        named=({"kind": "mod_item"},),
    ),
    "java": Grammar(
        functions=("method_declaration", "constructor_declaration", "compact_constructor_declaration"),
        classes=(
            "class_declaration",
            "interface_declaration",
            "enum_declaration",
            "record_declaration",
            "annotation_type_declaration",
        ),
        with_body=("method_declaration",),
        lead=("line_comment", "block_comment"),
    ),
    "c": _c(),
    "cpp": _c(("class_specifier",), ("template_declaration",)),
    "csharp": Grammar(
        functions=(
            "method_declaration",
            "constructor_declaration",
            "destructor_declaration",
            "operator_declaration",
            "local_function_statement",
        ),
        classes=(
            "class_declaration",
            "struct_declaration",
            "interface_declaration",
            "record_declaration",
            "enum_declaration",
        ),
        with_body=("method_declaration",),
        around=("global_statement",),
    ),
    "ruby": Grammar(functions=("method", "singleton_method"), classes=("class", "module")),
    "php": Grammar(
        functions=("function_definition", "method_declaration"),
        classes=("class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"),
        with_body=("method_declaration",),
    ),
    "kotlin": Grammar(
        functions=("function_declaration", "secondary_constructor"),
        classes=("class_declaration", "object_declaration"),
        with_body=("function_declaration",),
        lead=("line_comment", "multiline_comment"),
    ),
    "swift": Grammar(
        functions=("function_declaration", "init_declaration", "deinit_declaration"),
        classes=("class_declaration", "protocol_declaration"),
        with_body=("function_declaration", "init_declaration"),
        lead=("comment", "multiline_comment"),
    ),
    "scala": Grammar(
        functions=("function_definition",),
        classes=("class_definition", "object_definition", "trait_definition", "enum_definition"),
        lead=("comment", "block_comment"),
    ),
    "lua": Grammar(
        functions=("function_declaration",),
        bound=(
            {
                "kind": "assignment_statement",
                "has": {"kind": "expression_list", "has": {"kind": "function_definition"}},
            },
            {"kind": "field", "has": {"field": "value", "kind": "function_definition"}},
        ),
        around=("variable_declaration",),
        named=(
            {"kind": "assignment_statement", "has": {"kind": "expression_list", "has": {"kind": "table_constructor"}}},
        ),
    ),
    "bash": Grammar(functions=("function_definition",)),
    "solidity": Grammar(
        functions=(
            "function_definition",
            "modifier_definition",
            "constructor_definition",
            "fallback_receive_definition",
        ),
        classes=("contract_declaration", "interface_declaration", "library_declaration"),
        with_body=("function_definition",),
    ),
    "dart": Grammar(
        functions=("function_declaration", "method_declaration"),
        classes=("class_declaration", "mixin_declaration", "extension_declaration", "enum_declaration"),
        with_body=("function_declaration", "method_declaration"),
        around=("class_member",),
    ),
}

_NAMES = {"csharp": "C#", "cpp": "C++", "php": "PHP", "javascript": "JavaScript", "typescript": "TypeScript"}
_HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++", ".d.ts", ".d.mts", ".d.cts")
_INTERPRETERS = {"python": "python", "node": "javascript", "bash": "bash", "sh": "bash", "ruby": "ruby", "lua": "lua"}


def of(language: str) -> Grammar:
    return _GRAMMARS[language]


def readings(path: str, text: str = "") -> tuple[str, ...]:
    """The languages that a file may be in and that have a grammar here, the likeliest first.

    Its ending tells, or the interpreter that the first line of ``text`` names.
    """
    by_ending = tuple(one for one in languages.of_path(path) if one in _GRAMMARS)
    if by_ending == ("c", "cpp"):
        # A parser of C++ reads nearly all C, but one of C makes some sense of any C++.
        by_ending = ("cpp", "c")
    if by_ending or not text.startswith("#!"):
        return by_ending
    words = text[2:200].split("\n", 1)[0].replace("/", " ").split()
    found = (_INTERPRETERS.get(word.rstrip("0123456789.")) for word in words)
    return tuple(language for language in found if language is not None)[:1]


def is_header(path: str) -> bool:
    return path.lower().endswith(_HEADERS)


def known() -> str:
    """For a message: the languages, as a person writes them."""
    names = sorted((_NAMES.get(name, name.capitalize()) for name in _GRAMMARS if name != "tsx"), key=str.lower)
    return f"{', '.join(names[:-1])} and {names[-1]}"
