package remit.call_test

import data.remit.lib_test as fixture

import rego.v1

test_no_step if {
	_spoilt("/call/step", null) == {"NO_STEP"}
}

test_a_step_that_does_not_admit if {
	_spoilt("/call/step/admitted", false) == {"STEP_NOT_ADMITTED"}
	_spoilt("/call/step/admitted", "true") == {"STEP_NOT_ADMITTED"}
}

test_the_subject_is_the_argument_or_else_the_step if {
	unadmitted := fixture.with_value(fixture.call_question, "/call/step/admitted", false)
	bounded := fixture.with_value(unadmitted, "/call/step/violations", [{"argument": "/to", "operator": "enum"}])
	[finding.subject | some finding in _decide(unadmitted, {}).findings] == ["s1"]
	[finding.subject | some finding in _decide(bounded, {}).findings] == ["/to"]
}

test_missing_fields_admit_nothing if {
	_missing("call/step") == {"NO_STEP"}
	_missing("call/step/admitted") == {"STEP_NOT_ADMITTED"}
	question := fixture.without(fixture.without(fixture.call_question, "call/step/admitted"), "call/step/violations")
	_effect(question) == "deny"
}
