package remit.call_test

import data.remit.call
import data.remit.lib_test as fixture

import rego.v1

test_another_environment if {
	_spoilt("/tool/environment", "production") == {"ENVIRONMENT_MISMATCH"}
}

test_missing_fields_match_nothing if {
	_missing("tool/environment") == {"ENVIRONMENT_MISMATCH"}
	"ENVIRONMENT_MISMATCH" in fixture.codes(call.deny) with input as fixture.without(fixture.call_question, "environment")
	"ENVIRONMENT_MISMATCH" in fixture.codes(call.deny) with input as {}
}
