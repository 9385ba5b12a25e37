"""What schemathesis cannot learn from the OpenAPI document, as a careful client would do it."""

import itertools

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

# An address that the setting callback_hosts allows, and where nobody listens.
HOOK = "http://127.0.0.1:9/hook"

_numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    components = case.meta.components if case.meta else {}

    def is_good(location):
        # What was not generated is an example, or comes from another answer.
        component = components.get(location)
        return component is None or component.mode.is_positive

    for name, value in case.headers.items():
        # Spin answers 500 to headers that are not UTF-8, before any component is asked.
        case.headers[name] = str(value).encode("utf-8", "replace").decode("latin-1")
    if is_good(ParameterLocation.HEADER):
        # A key names one request; the generator likes to say the same thing twice.
        for name in case.headers:
            if name.lower() == "idempotency-key":
                key = case.headers[name]
                quote, key = ('"', key[1:]) if key.startswith('"') else ("", key)
                if len(key) < 200:
                    case.headers[name] = f"{quote}{next(_numbers)}-{key}"
            # Nobody works on the queue, so nothing would follow what was received.
            if name.lower() == "last-event-id":
                case.headers[name] = "0.0"
    if is_good(ParameterLocation.QUERY) and "wait" in case.query:
        # For the same reason a wait lasts as long as it may.
        case.query["wait"] = "0"
    if is_good(ParameterLocation.BODY) and case.body is not NOT_SET:
        # Which hosts may be called is a matter of settings.
        for task in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(task, dict) and isinstance(task.get("callback_url"), str):
                task["callback_url"] = HOOK
