"""An OpenAPI document with its references."""

import yaml

METHODS = ("get", "put", "post", "delete", "patch")
SCHEMAS = "#/components/schemas/"
TYPES = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}


def nodes(tree):
    """All objects in a part of the document."""
    if isinstance(tree, dict):
        yield tree
    if isinstance(tree, (dict, list)):
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from nodes(child)


def references(tree):
    return {node["$ref"] for node in nodes(tree) if isinstance(node.get("$ref"), str)}


class Loader(yaml.SafeLoader):
    """Refuses a key that is in an object twice; YAML libraries keep only the last one."""

    def construct_mapping(self, node, deep=False):
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key occurs twice", node.start_mark)
        return mapping


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.content = yaml.load(file, Loader)
        self.components = self.content["components"]
        self.schemas = self.components["schemas"]
        self.operations = {
            (method.upper(), path): {**operation, "parameters": self.parameters(item) + self.parameters(operation)}
            for path, item in self.content["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        }

    def follow(self, node):
        """What a reference refers to; another node itself."""
        while "$ref" in node:
            target = self.content
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            node = target
        return node

    def parameters(self, owner):
        return [self.follow(parameter) for parameter in owner.get("parameters", [])]

    def responses(self, operation, successful):
        return {
            status: self.follow(response)
            for status, response in operation["responses"].items()
            if status.startswith("2") == successful
        }

    def schemas_in(self, tree):
        """The names of all schemas that a part of the document refers to, directly or not."""
        found, remaining = set(), references(tree)
        while remaining:
            ref = remaining.pop()
            if ref not in found:
                found.add(ref)
                remaining |= references(self.follow({"$ref": ref}))
        return {ref.removeprefix(SCHEMAS) for ref in found if ref.startswith(SCHEMAS)}

    def errors_of(self, value, schema, path=""):
        """What is wrong with a JSON value, as a list of texts: types, unknown keys and required ones."""
        schema = self.follow(schema)
        for part in schema.get("allOf", []):
            return self.errors_of(value, part, path)
        if "type" not in schema:
            alternatives = [self.errors_of(value, part, path) for part in schema["oneOf"]]
            return [] if [] in alternatives else alternatives[0]
        kind = schema["type"]
        if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
            return [f"{path}: {value!r} is no {kind}"]
        if value not in schema.get("enum", [value]):
            return [f"{path}: {value!r} is not in {schema['enum']}"]
        errors = []
        if kind == "array":
            for i, element in enumerate(value):
                errors += self.errors_of(element, schema["items"], f"{path}[{i}]")
        if kind == "object":
            properties = schema.get("properties", {})
            errors += [f"{path}: {key} is required" for key in schema.get("required", []) if key not in value]
            errors += [f"{path}: {key} is not described" for key in value if key not in properties]
            for key in value.keys() & properties.keys():
                errors += self.errors_of(value[key], properties[key], f"{path}.{key}")
        return errors
