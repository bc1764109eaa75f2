"""A test class in, test functions with plain asserts out, where each `self.assert...` has an exact plain form."""

from __future__ import annotations

import ast
import copy

from codedpo.code.syntax import syntax_tree

_FORMS = {
    "assertEqual": "{0} == {1}",
    "assertEquals": "{0} == {1}",
    "assertListEqual": "{0} == {1}",
    "assertDictEqual": "{0} == {1}",
    "assertTupleEqual": "{0} == {1}",
    "assertSetEqual": "{0} == {1}",
    "assertNotEqual": "{0} != {1}",
    "assertIs": "{0} is {1}",
    "assertIsNone": "{0} is None",
    "assertIsNotNone": "{0} is not None",
    "assertIn": "{0} in {1}",
    "assertNotIn": "{0} not in {1}",
    "assertTrue": "{0}",
    "assertFalse": "not {0}",
    "assertAlmostEqual": "round({0} - {1}, 7) == 0",
}


def plain_functions(node: ast.ClassDef) -> list[ast.FunctionDef] | None:
    """The test methods as functions, or None where the class does more than assert."""
    methods: list[ast.FunctionDef] = []
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name.startswith("test"):
            methods.append(part)
        elif not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)) and not isinstance(
            part, ast.Pass
        ):
            return None
    plain = [_plain(method) for method in methods]
    return [function for function in plain if function is not None] if all(plain) else None


def _plain(method: ast.FunctionDef) -> ast.FunctionDef | None:
    if len(method.args.args) != 1 or method.decorator_list:
        return None
    name = method.args.args[0].arg
    body = [_plain_statement(statement, name) for statement in method.body]
    function = copy.copy(method)
    function.body, function.args = body, ast.arguments([], [], None, [], [], None, [])
    used = any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(function))
    return None if used else ast.fix_missing_locations(function)


def _plain_statement(node: ast.stmt, self_name: str) -> ast.stmt:
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or call.keywords or not isinstance(call.func, ast.Attribute):
        return node
    form = _FORMS.get(call.func.attr)
    if form is None or not isinstance(call.func.value, ast.Name) or call.func.value.id != self_name:
        return node
    least = 2 if "{1}" in form else 1
    if not least <= len(call.args) <= least + (call.func.attr != "assertAlmostEqual"):  # one more is the message
        return node
    values = [f"({ast.unparse(argument)})" for argument in call.args[:least]]
    return syntax_tree(f"assert {form.format(*values)}").body[0]
