package remit.call_test

import data.remit.call
import data.remit.lib_test as fixture

import rego.v1

_aged(days) := fixture.with_value(fixture.call_question, "/tool/secret", {"kind": "static", "age_days": days})

test_age if {
	_effect(_aged(90)) == "permit"
	fixture.codes(_decide(_aged(91), {}).findings) == {"SECRET_TOO_OLD"}
}

test_missing_fields_are_too_old if {
	_missing("tool/secret") == {"SECRET_TOO_OLD"}
	fixture.codes(_decide(fixture.without(_aged(1), "tool/secret/age_days"), {}).findings) == {"SECRET_TOO_OLD"}
	"SECRET_TOO_OLD" in fixture.codes(call.deny) with input as {}
	"SECRET_TOO_OLD" in fixture.codes(call.deny) with input as _aged(1) with data.remit.settings as {}
}
