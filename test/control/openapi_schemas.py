"""The schemas that an OpenAPI document has for messages, from what describe_api prints about them."""

import re

SCALARS = {
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte"},
    "double": {"type": "number", "format": "double"},
    "float": {"type": "number", "format": "float"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "string", "format": "int64"},
    "string": {"type": "string"},
    # Tools use 32 bits with a sign for an integer without a format.
    "uint32": {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    "uint64": {"type": "string", "format": "uint64"},
}
INFINITY = {"type": "string", "enum": ["Infinity"]}


def reference(name):
    return {"$ref": f"#/components/schemas/{name}"}


def default_of(field, enums):
    """The default that the options or the comment state, or None."""
    if "default" in field:
        return field["default"]
    stated = re.search(r"Default: (\w+)", field["comment"])
    word = stated[1] if stated else ""
    if field["type"] == "enum":
        names = [value["name"] for value in enums[field["refers_to"]]["values"]]
        return word if word in names else None
    if field["type"] == "bool":
        return {"true": True, "false": False}.get(word)
    return int(word) if word.isdigit() else None


def value_schema(field):
    if "refers_to" in field:
        return reference(field["refers_to"])
    schema = dict(SCALARS[field["type"]])
    if "range" in field:
        schema["minimum"], schema["maximum"] = field["range"]
    if "Infinity" in field["comment"]:
        if stated := re.search(r"(\d+) to Infinity", field["comment"]):
            schema["minimum"] = int(stated[1])
        return {"oneOf": [schema, INFINITY]}
    return schema


def field_schema(field, enums):
    schema = value_schema(field)
    if field["repeated"]:
        return {"type": "array", "items": schema}
    default = default_of(field, enums)
    return schema if default is None else {**schema, "default": default}


def required_fields(message, in_requests):
    """Requests need the fields whose comments say so. Responses have all that can be neither absent nor messages."""
    if in_requests:
        return [field["name"] for field in message["fields"] if "Required." in field["comment"]]
    return [field["name"] for field in message["fields"] if not field["has_presence"]]


def message_schema(message, enums, in_requests):
    schema = {"type": "object"}
    if message["fields"]:
        schema["properties"] = {field["name"]: field_schema(field, enums) for field in message["fields"]}
    if required := required_fields(message, in_requests):
        schema["required"] = required
    for oneof in message["oneofs"]:
        if "Required." in oneof["comment"]:
            schema["oneOf"] = [{"required": [name]} for name in oneof["fields"]]
    return schema


def enum_schema(enum):
    return {"type": "string", "enum": [value["name"] for value in enum["values"]]}


def enum_comments(enum):
    """The comments of an enum and its values, as its description has them."""
    return [enum["comment"]] + [f"{value['name']}: {value['comment']}" for value in enum["values"] if value["comment"]]
