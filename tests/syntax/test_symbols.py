from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.agents import languages
from fanout_server.syntax import grammars, parsing
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.symbols import Kind, Symbol, every, named, similar, spoken, touched, whole

# A file, and its symbols: a class has "*" and its members in brackets.
_FILES = [
    (
        "a.py",
        """@dec
# why
async def f(): pass
class A(B):
    x = 1
    @property
    def m(self):
        def inner(): pass
    class C: pass
if x:
    def g(): pass
else:
    def g(): pass
""",
        "f *A[A.m *A.C[]] g g~2",
    ),
    (
        "a.ts",
        """export function f(a: string): void;
// two
export function f(a: any) {}
export const g = async <T>(x: T) => x;
const h = 3, i = () => 1, j = function () {};
export default abstract class A extends B { @dec() x = () => 1; constructor() { super() } get y() { return 1 }
  abstract abs(): void; over(a: string): void; over(a: any) {} static #p() {} 'quo ted'() {} }
interface I { m(): void }
enum E { One }
namespace N.M { export function x() {} }
declare function amb(): void;
const api = { get() {}, set: () => 1, deep: { er() {} } };
""",
        "f g i j *A[A.x A.constructor A.y A.over A.p A.quo ted] *I[] *E[] N.M.x api.get api.set api.er",
    ),
    (
        "a.d.ts",
        """declare function f(): void;
declare function f(a: number): void;
""",
        "f f~2",
    ),
    (
        "a.tsx",
        """export const B = React.memo(forwardRef((p) => <b/>));
export default () => <p>{() => 1}</p>;
const n = l.map(x => x);
""",
        "B default",
    ),
    (
        "a.js",
        """export default function () {}
function* gen() {}
module.exports.e = function () {};
exports.k = () => {};
A.prototype.b = function () {};
var K = class { m() {} };
class P { static x = () => 1; async *it() {} }
(function () { function inside() {} })();
describe('x', () => { it('y', () => {}) });
""",
        "default gen e k A.b *K[K.m] *P[P.x P.it] inside",
    ),
    (
        "a.go",
        """// F does.
func F(x int) int { f := func() {}; return x }
func (s *Server[T]) H() {}
func (Server) V() {}
type Server struct { a int }
type ( A interface { M() }; B struct {} )
type Fn func(int)
func asm(x int)
""",
        "F Server.H Server.V *Server[] *A[] *B[]",
    ),
    (
        "a.rs",
        """/// doc
#[derive(X)]
pub struct Foo<T> { a: T }
impl<T> Foo<T> { #[inline]
 pub fn new() { fn in_() {} } }
impl fmt::Display for Foo<i32> { fn fmt(&self) {} }
trait T { fn abs(&self); fn def(&self) {} }
mod tests { #[test]
 fn t() {} }
macro_rules! m { () => {} }
""",
        "*Foo[] *Foo~2[Foo.new] *Foo~3[Foo.fmt] *T[T.def] tests.t m",
    ),
    (
        "A.java",
        """@X public class Foo<T> { int a; Foo() {} @Override int go(int x) { Runnable r = () -> {}; return 1; }
int go(String x) { return 2; } abstract void abs(); static {} class Inner { void i() {} } }
interface I { void m(); default void d() {} }
record R(int x) { R {} }
enum E { A { void q() {} }; void e() {} }
""",
        "*Foo[Foo.Foo Foo.go Foo.go~2 *Foo.Inner[Foo.Inner.i]] *I[I.d] *R[R.R] *E[E.q E.e]",
    ),
    (
        "a.c",
        """int proto(int a);
/* doc */
static int *f(int a) { return 0; }
struct S { int a; };
typedef struct { int b; } T;
struct S s = { 1 };
int (*fp(void))(int) { return 0; }
#ifdef X
void g(void) {}
#endif
TEST(x) {}
int kr(a) int a; { return a; }
""",
        "f *S[] *T[] fp g TEST kr",
    ),
    (
        "a.h",
        """int proto(int a);
char *text(void);
static void (*pointer)(int);
int x;
""",
        "proto text",
    ),
    (
        "b.h",
        """namespace n { class A { public: A(); void m() { } }; }
void free();
""",
        "*A[A.m] free",
    ),
    (
        "a.cpp",
        """namespace n { template <class T> class Foo : public Bar { public: Foo(); ~Foo() {} int in() const { return 1;
}
Foo& operator=(const Foo&) = default; operator bool() const { return true; }
bool operator<(Foo o) { return 1; } }; }
template <class T> Foo<T>::Foo() {}
int Foo<int>::go() { auto l = [] {}; return 1; }
extern "C" { void c() {} }
""",
        "*Foo[Foo.~Foo Foo.in Foo.operator bool Foo.operator<] Foo.Foo Foo.go c",
    ),
    (
        "a.cs",
        """namespace N.M { [Test] public class Foo<T> : Bar { public Foo() {} ~Foo() {} int Go() { int In() => 3;
return 1; }
int Short() => 3; abstract void Abs(); int P { get; set; } } interface I { void M(); } record R(int X); }
""",
        "*Foo[Foo.Foo Foo.~Foo Foo.Go Foo.Short] *I[] *R[]",
    ),
    (
        "a.rb",
        """# doc
def f(x) = x
module M
  class Foo < Bar
    attr_reader :x
    def initialize; end
    def self.make
    end
    def valid?
    end
    class << self
      def inner; end
    end
  end
end
""",
        "f *M[*M.Foo[M.Foo.initialize M.Foo.make M.Foo.valid? M.Foo.inner]]",
    ),
    (
        "a.php",
        """<p>
<?php
namespace A;
#[X]
function f($x) { return function() {}; }
abstract class Foo { function __construct() {}
abstract function abs(); static function go() {} }
interface I { function m(); }
trait T { function t() {} }
""",
        "f *Foo[Foo.__construct Foo.go] *I[] *T[T.t]",
    ),
    (
        "a.kt",
        """// doc
@Test
fun `does it`(x: Int): Int { return x }
fun short() = 3
class Foo(val x: Int) : Bar {
  constructor(y: String) : this(1) { }
  override fun go() { fun inner() {} }
  companion object { fun make() = Foo(1) }
}
fun String.ext() {}
interface I { fun abs(): Int }
""",
        "does it short *Foo[Foo.constructor Foo.go Foo.make] ext *I[]",
    ),
    (
        "a.swift",
        """@available(iOS 1, *)
func f(x: Int) -> Int { return x }
class Foo: Bar { init(x: Int) {} deinit {} func go() { func i() {} } }
extension Foo { func ext() {} }
protocol P { func abs() -> Int }
struct S { func s() {} }
""",
        "f *Foo[Foo.init Foo.deinit Foo.go] *Foo~2[Foo.ext] *P[] *S[S.s]",
    ),
    (
        "a.scala",
        """def top(a: Int): Int = a
class Foo(x: Int) extends Bar {
  def go(): Int = { def inner() = 1; inner() }
  def abs: Int
}
object O { def o() = 1 }
trait T { def t(): Unit }
case class C(a: Int)
""",
        "top *Foo[Foo.go] *O[O.o] *T[] *C[]",
    ),
    (
        "a.lua",
        """local function f(x) return x end
function M.h() end
function M:i() end
local j = function() end
M.k = function() end
local t = { l = function() end, ['m'] = function() end }
return { n = function() end }
""",
        "f M.h M.i j M.k t.l t.m n",
    ),
    (
        "a.sh",
        """#!/bin/bash
# doc
f() {
  echo
}
function g { echo; }
h() ( echo )
echo done
""",
        "f g h",
    ),
    (
        "tool",
        """#!/usr/bin/env -S python3.11 -u
def f(): pass
""",
        "f",
    ),
    (
        "a.sol",
        """contract Foo is Bar { constructor() {} function f() public {} modifier m() { _; } function abs() external;
receive() external payable {} }
""",
        "*Foo[Foo.constructor Foo.f Foo.m Foo.receive]",
    ),
    (
        "a.dart",
        """int f(int x) { return x; }
int g() => 3;
class Foo { Foo(this.x); @override
  void go() { void i() {} } int get p => 3; void abs(); }
mixin M { void m() {} }
""",
        "f g *Foo[Foo.go Foo.p] *M[M.m]",
    ),
    ("a.css", "a { b: c }", ""),
    ("a.py", "", ""),
]


def _shown(symbols: Iterable[Symbol]) -> str:
    return " ".join(f"*{one.name}[{_shown(one.members)}]" if one.kind is Kind.CLASS else one.name for one in symbols)


@pytest.mark.parametrize(("path", "text", "expected"), _FILES)
def test_symbols_of_each_language(path: str, text: str, expected: str) -> None:
    assert _shown(parsing.find(text, path)) == expected


def test_each_grammar_is_one_of_a_language_that_a_file_may_be_in() -> None:
    tried = {language for path, text, _ in _FILES for language in grammars.readings(path, text)}
    assert tried == {language for language in languages.NAMES if f"'{language}'" in str(sorted(grammars._GRAMMARS))}
    assert grammars.known().startswith("Bash, C, C#, C++, Dart, Go, ")


def _code(path: str, text: str, name: str) -> str:
    (found,) = named(parsing.find(text, path), name)
    return text[found.start : found.end]


@pytest.mark.parametrize(
    ("path", "text", "name", "expected"),
    [
        ("a.py", "x\n\n# one\n# two\n@dec\ndef f():\n    pass\n\n", "f", "# one\n# two\n@dec\ndef f():\n    pass"),
        ("a.py", "# far\n\ndef f(): pass\n", "f", "def f(): pass"),
        ("a.py", "def e():\n    x\n    # in e\ndef f(): pass\n", "f", "def f(): pass"),
        ("a.py", "x = 1  # of x\ndef f(): pass\n", "f", "def f(): pass"),
        ("a.py", "# one\r\n# two\r\ndef f():\r\n    pass\r\n", "f", "# one\r\n# two\r\ndef f():\r\n    pass"),
        ("a.ts", "/** doc */\nexport const f = () => {\n};\nx;", "f", "/** doc */\nexport const f = () => {\n};"),
        ("a.ts", "class A {\n  // m\n  @x()\n  m() {}\n}", "A.m", "// m\n  @x()\n  m() {}"),
        ("a.ts", "function f(a: 1): 1;\n\nfunction f(a: 2): 2;\nfunction f() {}", "f", None),
        ("a.ts", "const a = () => 1, b = () => 2;", "b", "b = () => 2;"),
        ("a.rs", "/// doc\n#[x]\nfn f() {}\n", "f", "/// doc\n#[x]\nfn f() {}"),
        ("a.cpp", "// doc\ntemplate <class T>\nvoid f() {}\n", "f", "// doc\ntemplate <class T>\nvoid f() {}"),
        ("a.c", "typedef struct { int a; } T;", "T", "typedef struct { int a; } T;"),
        ("a.go", "// T is.\ntype T struct {}\n", "T", "// T is.\ntype T struct {}"),
        ("a.sh", "#!/bin/sh\nf() { :; }\n", "f", "f() { :; }"),
        ("a.py", "\tif x:\n\n\n", "f", ""),
        ("a.py", "s = '\U0001f600é'; \ndef f(): return '\U0001f600'\n", "f", "def f(): return '\U0001f600'"),
        ("a.py", "\ufeffdef f(): pass\n", "f", "def f(): pass"),
        ("a.py", "s = '\ud800'\ndef f(): pass\n", "f", "def f(): pass"),
        ("a.py", "x = = 1\ndef f():\n    pass\n", "f", "def f():\n    pass"),
        ("a.js", "function f() { return 1 }\nfunction g( { \n", "f", "function f() { return 1 }"),
    ],
)
def test_what_belongs_to_a_symbol(path: str, text: str, name: str, expected: str | None) -> None:
    if expected == "":
        assert named(parsing.find(text, path), name) == ()
    else:
        assert _code(path, text, name) == (text if expected is None else expected)


_SAMPLE = """import a

TOP = 1

# about f
def f():
    def inner():
        pass
    return inner

class Cart(Base):
    \"\"\"Holds things.\"\"\"

    limit = 3

    def add(self, x):
        self.x = x

    def drop(self):
        pass

    class Item:
        def cost(self):
            return 1

class Plain:
    x: int
    y: int

def g(): pass
"""


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("TOP", "= 1", []),
        ("about", "about", ["f"]),
        ("inner():", "inner():", ["f"]),
        ("return inner", "class Cart", ["f", "Cart"]),
        ("Base", "limit", ["Cart"]),
        ("limit", "limit", ["Cart"]),
        ("limit", "self.x", ["Cart.add"]),
        ("self.x", "def drop", ["Cart.add", "Cart.drop"]),
        ("pass\n\n    class Item", "Item", ["Cart.drop", "Cart.Item"]),
        ("return 1", "y: int", ["Cart.Item.cost", "Plain"]),
        ("y: int", "def g", ["Plain", "g"]),
        ("import", "pass\n", ["f", "Cart", "Plain", "g"]),
    ],
)
def test_what_a_selection_touches(start: str, end: str, expected: list[str]) -> None:
    first = _SAMPLE.index(start)
    last = _SAMPLE.rindex(end) + len(end) if end == "pass\n" else _SAMPLE.index(end, first) + len(end)
    assert [one.name for one in touched(parsing.find(_SAMPLE, "a.py"), first, last)] == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", _SAMPLE, ["f", "Cart", "Plain", "g"]),
        ("A.java", "class A { void a() {} class B { void c() {} } }", ["A.a", "A.B"]),
        ("A.java", "class A { int x; void a() {} }", ["A"]),
        ("a.rb", "module M\n  class A\n    def a; end\n    def b; end\n  end\nend", ["M.A.a", "M.A.b"]),
        ("A.java", "class A { int x; }", ["A"]),
        ("A.java", "", []),
    ],
)
def test_a_file_as_a_whole(path: str, text: str, expected: list[str]) -> None:
    assert [one.name for one in whole(parsing.find(text, path))] == expected


def _all(symbols: Iterable[Symbol]) -> list[Symbol]:
    return list(every(symbols))


@given(st.data())
def test_units_do_not_overlap_and_each_touched_symbol_is_in_exactly_one(data: st.DataObject) -> None:
    path, text, _ = data.draw(st.sampled_from([*_FILES, ("a.py", _SAMPLE, "")]))
    found = parsing.find(text, path)
    start = data.draw(st.integers(0, max(0, len(text) - 1)))
    end = data.draw(st.integers(start + 1, len(text) + 1))
    units = touched(found, start, end)
    assert all(one.end <= after.start for one, after in itertools.pairwise(units))
    assert all(one.start < end and start < one.end for one in units)
    for symbol in _all(found):
        if symbol.start < end and start < symbol.end:
            around = [unit for unit in units if unit.start <= symbol.start and symbol.end <= unit.end]
            within = [unit for unit in units if unit in _all(symbol.members)]
            # A class may be touched only through those of its members that are.
            assert len(around) == 1 or (not around and within)


def _assert_nested(symbols: tuple[Symbol, ...], start: int, end: int) -> None:
    for one in symbols:
        assert start <= one.start < one.end <= end
        assert one.start <= one.body <= one.end
        _assert_nested(one.members, one.start, one.end)
        start = one.end


@given(st.text(), st.sampled_from(sorted({path for path, _, _ in _FILES})))
def test_any_text_has_symbols_that_nest_within_it(text: str, path: str) -> None:
    _assert_nested(parsing.find(text, path), 0, len(text))


@given(st.lists(st.tuples(st.sampled_from(_FILES), st.integers(0, 60), st.integers(0, 400)), min_size=1, max_size=3))
def test_broken_code_has_symbols_that_nest_within_it(cuts: list[tuple[tuple[str, str, str], int, int]]) -> None:
    text = "".join(written[start : start + size] for (_, written, _), start, size in cuts)
    _assert_nested(parsing.find(text, cuts[0][0][0]), 0, len(text))


@pytest.mark.parametrize("path", sorted({path for path, _, _ in _FILES}))
def test_each_symbol_is_found_by_its_own_name(path: str) -> None:
    for text in [text for other, text, _ in _FILES if other == path]:
        found = parsing.find(text, path)
        names = [one.name for one in every(found)]
        assert len(set(names)) == len(names)
        for one in every(found):
            assert named(found, one.name) == (one,)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Cart.add", ["Cart.add"]),
        ("add", ["Cart.add"]),
        ("Cart::add()", ["Cart.add"]),
        ("Cart/add", ["Cart.add"]),
        ("Item.cost", ["Cart.Item.cost"]),
        ("art.add", []),
        ("inner", []),
        ("", []),
        (".", []),
    ],
)
def test_names_as_a_person_writes_them(name: str, expected: list[str]) -> None:
    assert [one.name for one in named(parsing.find(_SAMPLE, "a.py"), name)] == expected


def test_a_name_that_fits_several_and_one_that_is_misspelt() -> None:
    found = parsing.find("class A { go() {} }\nclass B { go() {} }\nfunction run() {}", "a.js")
    assert [one.name for one in named(found, "go")] == ["A.go", "B.go"]
    assert (similar(found, "rum"), similar(found, "A.goo"), similar(found, "zzz")) == ("run", "A.go", None)
    assert (spoken("A.go~2"), spoken("A.~A"), spoken("A.~A~12")) == ("A.go", "A.~A", "A.~A")


def test_a_grammar_that_the_installed_parser_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(grammars._GRAMMARS, "python", grammars.Grammar(functions=("of_the_future",)))
    with pytest.raises(Unreadable, match="ast-grep reads python in another way"):
        parsing.find("def never_seen_before(): pass", "a.py")


def test_names_that_strings_give_are_made_harmless() -> None:
    text = "const a = { '--all': () => 1, 'x\\ty': () => 2, '': () => 3, 'a#b': () => 4, [`q\n\x1bq`]: () => 5 };"
    assert _shown(parsing.find(text, "a.js")) == "a.all a.x\\ty a.a#b a.q q"
    assert parsing.find(f"const {'x' * 300} = () => 1", "a.js") == ()


def test_deep_nests_and_long_lines_are_no_trouble() -> None:
    deep = "class A {" * 400 + "}" * 400
    assert len(list(every(parsing.find(deep, "a.ts")))) <= 50
    # Counting columns would take this one half a minute.
    long = "function a(b){return b+1}" * 1200
    assert len(parsing.find(long, "a.js")) == 1200
