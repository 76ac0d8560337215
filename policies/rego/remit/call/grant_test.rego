package remit.call_test

import data.remit.call
import data.remit.lib_test as fixture

import rego.v1

_beyond := [{"argument": "/amount", "operator": "max"}, {"argument": "/to", "operator": "enum"}]

_approved := fixture.with_value(fixture.call_question, "/call/step/approved", true)

test_within if {
	_decide(fixture.call_question, {}).findings == [{"code": "CALL_WITHIN_REMIT", "subject": "pay", "rule": "call/grant"}]
}

test_a_tool_that_is_not_granted if {
	_spoilt("/call/grant", {"granted": false, "violations": []}) == {"TOOL_NOT_GRANTED"}
}

test_arguments_beyond_the_template_are_named if {
	question := fixture.with_value(fixture.call_question, "/call/grant/violations", _beyond)
	_decide(question, {}).findings == [
		{"code": "ARGUMENT_BEYOND_TEMPLATE", "subject": "/amount", "rule": "call/grant"},
		{"code": "ARGUMENT_BEYOND_TEMPLATE", "subject": "/to", "rule": "call/grant"},
	]
}

test_an_approved_step_may_go_beyond if {
	_effect(fixture.with_value(_approved, "/call/grant/violations", _beyond)) == "permit"
	_effect(fixture.with_value(_approved, "/call/grant/granted", false)) == "permit"
}

test_an_approved_step_must_still_admit if {
	_effect(fixture.with_value(_approved, "/call/step/admitted", false)) == "deny"
}

test_missing_fields_grant_nothing if {
	_missing("call/grant/granted") == {"TOOL_NOT_GRANTED"}
	_missing("call/grant/violations") == {"ARGUMENT_BEYOND_TEMPLATE"}
	_missing("call/grant") == {"QUESTION_MALFORMED"}
	every path in {"call/grant", "call", "call/step", "principal", "run"} {
		call.allow == set() with input as fixture.without(fixture.call_question, path)
			with data.remit.templates as fixture.templates
	}
}

test_nothing_is_allowed_unless_everything_holds if {
	every path in ["/call/grant/granted", "/call/step/admitted", "/principal/agent/known"] {
		every value in [false, null, "true", 1] {
			call.allow == set() with input as fixture.with_value(fixture.call_question, path, value)
				with data.remit.templates as fixture.templates
		}
	}
	call.allow == set() with input as fixture.with_value(fixture.call_question, "/call/grant/violations", _beyond)
		with data.remit.templates as fixture.templates
	beyond := fixture.with_value(fixture.call_question, "/call/grant/violations", _beyond)
	call.allow == set() with input as fixture.with_value(beyond, "/call/step/approved", "true")
		with data.remit.templates as fixture.templates
}
