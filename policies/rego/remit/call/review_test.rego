package remit.call_test

import data.remit.call
import data.remit.lib_test as fixture

import rego.v1

test_review if {
	_spoilt("/tool/reviewed", null) == {"TOOL_NOT_REVIEWED"}
	_spoilt("/tool/reviewed/definition_changed", true) == {"TOOL_DEFINITION_CHANGED"}
	_spoilt("/tool/reviewed/until", 999) == {"TOOL_REVIEW_OVERDUE"}
	_effect(fixture.with_value(fixture.call_question, "/tool/reviewed/until", 1000)) == "permit"
}

test_missing_fields_review_nothing if {
	_missing("tool/reviewed") == {"TOOL_NOT_REVIEWED"}
	_missing("tool/reviewed/definition_changed") == {"TOOL_DEFINITION_CHANGED"}
	_missing("tool/reviewed/until") == {"TOOL_REVIEW_OVERDUE"}
	"TOOL_REVIEW_OVERDUE" in fixture.codes(call.deny) with input as fixture.without(fixture.call_question, "time")
	"TOOL_NOT_REVIEWED" in fixture.codes(call.deny) with input as {}
}
