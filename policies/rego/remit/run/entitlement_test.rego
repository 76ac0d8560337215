package remit.run_test

import data.remit.lib_test as fixture
import data.remit.run

import rego.v1

_denied(question) := found if {
	found := fixture.codes(run.deny) with input as question with data.remit.templates as fixture.templates
}

_opened_by(kind, id) := fixture.with_value(fixture.run_question, "/principal/opener", {"kind": kind, "id": id})

test_the_opener_fits if {
	every kind, id in {"agent": "desk", "user": "uma", "orchestrator": "anything"} {
		_denied(_opened_by(kind, id)) == set()
	}
}

test_the_opener_does_not_fit if {
	every kind, id in {"agent": "helper", "user": "udo", "robot": "desk"} {
		_denied(_opened_by(kind, id)) == {"OPENER_NOT_ENTITLED"}
	}
}

test_a_user_opens_nothing_for_nobody if {
	question := fixture.with_value(_opened_by("user", "uma"), "/principal/user", null)
	"OPENER_NOT_ENTITLED" in _denied(question)
}

test_missing_fields_do_not_open if {
	every path in {"principal/opener", "principal/opener/id", "principal/opener/kind", "principal/agent/id", "principal"} {
		"OPENER_NOT_ENTITLED" in _denied(fixture.without(fixture.run_question, path))
	}
	"OPENER_NOT_ENTITLED" in _denied(fixture.without(_opened_by("user", "uma"), "principal/user/id"))
}

test_entitlement_is_asked if {
	_denied(fixture.with_value(fixture.run_question, "/time", 2000)) == {"TEMPLATE_OVERDUE"}
}

test_nothing_is_allowed_unless_everything_holds if {
	every question in [
		fixture.with_value(fixture.run_question, "/time", 2000),
		fixture.with_value(fixture.run_question, "/principal/opener/id", "helper"),
		_opened_by("robot", "uma"),
	] {
		run.allow == set() with input as question with data.remit.templates as fixture.templates
	}
}
