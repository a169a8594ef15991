"""docs/openapi.yaml describes the control API as the code and the protos have it.

A new route or message needs no change here: describe_api finds it, and the document must describe it.
"""

import json
import re
import subprocess
import sys
import unittest

import openapi_schemas
from openapi_document import SCHEMAS, Document, nodes, references

PARAMETER = re.compile(r"\{(\w+)\}")
# "The response to GET /v1/rooms/{room}/audibility?listener=A&speaker=B"
ROUTE_IN_COMMENT = re.compile(r"(body of|response to) ([A-Z]+) (/[\w/{}]*)(?:\?([\w=&]+))?")
ERROR = {"$ref": SCHEMAS + "Error"}


def without_fraction(text):
    """The number as the document has it: 1 and not 1.0, which would differ as text."""
    number = float(text)
    return int(number) if number.is_integer() else number


def one_line(text):
    return " ".join(text.split())


def bare(schema):
    """A schema without descriptions. A reference that has one, or a default, is written in allOf."""
    if isinstance(schema, list):
        return [bare(child) for child in schema]
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    if isinstance(schema.get("description"), str):  # a field may have this name too
        del schema["description"]
    if len(schema.get("allOf", [])) == 1:
        schema |= schema.pop("allOf")[0]
    return {key: bare(value) for key, value in schema.items()}


def text_of(schema):
    """Schemas as text: in Python, True is equal to 1."""
    if "required" in schema:
        schema = {**schema, "required": sorted(schema["required"])}
    return json.dumps(schema, indent=1, sort_keys=True)


class OpenApi(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        describe_api, descriptors, path = sys.argv[1:]
        printed = subprocess.run([describe_api, descriptors], check=True, stdout=subprocess.PIPE).stdout
        cls.api = json.loads(printed, parse_float=without_fraction)
        cls.document = Document(path)
        cls.operations = cls.document.operations
        cls.schemas = cls.document.schemas

    def test_references_and_components_belong_together(self):
        defined = {
            f"#/components/{kind}/{name}"
            for kind, components in self.document.components.items()
            if kind != "securitySchemes"
            for name in components
        }
        self.assertEqual(defined, references(self.document.content))

    def test_a_reference_stands_alone(self):
        """OpenAPI 3.0 ignores what is next to it."""
        self.assertTrue(self.document.content["openapi"].startswith("3.0."))
        for node in nodes(self.document.content):
            if isinstance(node.get("$ref"), str):
                self.assertEqual(["$ref"], list(node))

    def test_operations_are_the_routes_of_the_code(self):
        self.assertEqual({(route["method"], route["path"]) for route in self.api["routes"]}, set(self.operations))

    def test_operation_ids_are_unique(self):
        ids = [operation["operationId"] for operation in self.operations.values()]
        self.assertEqual(sorted(set(ids)), sorted(ids))

    def test_path_parameters_are_those_of_the_path(self):
        for (method, path), operation in self.operations.items():
            with self.subTest(method=method, path=path):
                declared = [parameter for parameter in operation["parameters"] if parameter["in"] == "path"]
                self.assertEqual(sorted(PARAMETER.findall(path)), sorted(parameter["name"] for parameter in declared))
                self.assertTrue(all(parameter["required"] is True for parameter in declared))

    def test_bodies_and_statuses_are_those_of_the_code(self):
        for route in self.api["routes"]:
            with self.subTest(method=route["method"], path=route["path"]):
                operation = self.operations[route["method"], route["path"]]
                self.assertEqual(route["takes_body"], "requestBody" in operation)
                statuses = set(route["responses"]) | ({"413"} if route["takes_body"] else set())
                self.assertLessEqual(statuses | {"default"}, set(operation["responses"]))

    def test_responses_of_the_code_have_their_schemas(self):
        for route in self.api["routes"]:
            operation = self.operations[route["method"], route["path"]]
            for status, body in route["responses"].items():
                with self.subTest(method=route["method"], path=route["path"], status=status):
                    response = self.document.follow(operation["responses"][status])
                    self.assertEqual(body is None, "application/json" not in response.get("content", {}))
                    if body is not None:
                        schema = response["content"]["application/json"]["schema"]
                        self.assertEqual([], self.document.errors_of(body, schema))

    def test_bodies_and_queries_are_those_of_the_comments(self):
        for name, message in self.api["messages"].items():
            for kind, method, path, query in ROUTE_IN_COMMENT.findall(message["comment"]):
                with self.subTest(message=name):
                    operation = self.operations[method, path]
                    if kind == "body of":
                        body = operation["requestBody"]
                        self.assertIs(True, body["required"])
                    else:
                        body = self.document.responses(operation, successful=True)
                        declared = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
                        self.assertEqual(set(re.findall(r"(\w+)=", query)), declared)
                    self.assertEqual({SCHEMAS + name}, references(body))

    def test_every_operation_needs_the_token(self):
        (requirement,) = self.document.content["security"]
        (name,) = requirement
        scheme = self.document.components["securitySchemes"][name]
        self.assertEqual(("http", "bearer"), (scheme["type"], scheme["scheme"]))
        for operation in self.operations.values():
            self.assertNotIn("security", operation)

    def test_schemas_are_the_messages_and_the_errors(self):
        for operation in self.operations.values():
            for response in self.document.responses(operation, successful=False).values():
                self.assertEqual({"application/json": {"schema": ERROR}}, response["content"])
        messages = set(self.api["messages"]) | set(self.api["enums"])
        self.assertEqual(messages | self.document.schemas_in(ERROR), set(self.schemas))

    def test_schemas_agree_with_the_messages(self):
        bodies = [operation.get("requestBody") for operation in self.operations.values()]
        in_requests = self.document.schemas_in(bodies)
        enums = self.api["enums"]
        for name, message in self.api["messages"].items():
            with self.subTest(message=name):
                expected = openapi_schemas.message_schema(message, enums, name in in_requests)
                self.assertEqual(text_of(expected), text_of(bare(self.schemas[name])))
        for name, enum in enums.items():
            with self.subTest(enum=name):
                self.assertEqual(text_of(openapi_schemas.enum_schema(enum)), text_of(bare(self.schemas[name])))

    def expect_description(self, schema, *sentences):
        for sentence in sentences:
            self.assertIn(one_line(sentence), one_line(schema.get("description", "")))

    def test_descriptions_contain_the_comments(self):
        for name, message in self.api["messages"].items():
            schema = self.schemas[name]
            with self.subTest(message=name):
                self.expect_description(schema, message["comment"], *(o["comment"] for o in message["oneofs"]))
            for field in message["fields"]:
                with self.subTest(message=name, field=field["name"]):
                    self.expect_description(schema["properties"][field["name"]], field["comment"])
        for name, enum in self.api["enums"].items():
            with self.subTest(enum=name):
                self.expect_description(self.schemas[name], *openapi_schemas.enum_comments(enum))

    def test_errors_have_the_fields_of_the_code(self):
        fields, fields_inside = set(), set()
        for body in self.api["errors"]:
            self.assertEqual([], self.document.errors_of(body, ERROR))
            fields |= body.keys()
            fields_inside |= {key for error in body.get("errors", []) for key in error}
        self.assertEqual(fields, set(self.schemas["Error"]["properties"]))
        self.assertEqual(fields_inside, set(self.schemas["FieldError"]["properties"]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
