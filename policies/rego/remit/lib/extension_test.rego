package remit.lib_test

import data.remit.lib

import rego.v1

_own := {"code": "X_OWN", "subject": "s"}

_own_hold := {"code": "X_OWN", "subject": "s", "answerer": "role:finance"}

_said(part, value) := {{"rule": "custom/a/call", "part": part, "value": value}}

test_entries_carry_their_package if {
	lib.extension_denials(_said("deny", {_own})) == {{"code": "X_OWN", "subject": "s", "rule": "custom/a/call"}}
	lib.extension_holds(_said("hold", {_own_hold})) == {{
		"code": "X_OWN", "subject": "s",
		"rule": "custom/a/call", "answerer": "role:finance",
	}}
	lib.extension_obligations(_said("obligations", {{"kind": "k"}})) == {{"kind": "k"}}
}

test_no_extension_says_nothing if {
	every said in [set(), (_said("deny", set()) | (_said("hold", set()) | _said("obligations", set())))] {
		lib.extension_denials(said) == set()
		lib.extension_holds(said) == set()
		lib.extension_obligations(said) == set()
	}
}

test_what_is_not_a_set_is_a_denial if {
	every part in ["deny", "hold", "obligations"] {
		every value in [true, false, null, "x", [_own], {"a": _own}] {
			said := _said(part, value)
			lib.extension_denials(said) == {{"code": "EXTENSION_MALFORMED", "subject": part, "rule": "custom/a/call"}}
			lib.extension_holds(said) == set()
			lib.extension_obligations(said) == set()
		}
	}
}

test_a_denial_stays_one_however_it_is_written if {
	every entry in [
		"no", null, true, {}, {"code": "X_A"}, {"code": "LIMIT_REACHED", "subject": "s"},
		{"code": "X_a", "subject": "s"}, {"code": 1, "subject": "s"}, {"code": "X_A", "subject": 1},
	] {
		codes(lib.extension_denials(_said("deny", {entry}))) == {"EXTENSION_MALFORMED"}
	}
}

test_a_hold_that_cannot_be_understood_is_a_denial if {
	every entry in [
		"hold", object.remove(_own_hold, ["answerer"]), object.remove(_own_hold, ["code"]),
		object.union(_own_hold, {"answerer": "somebody"}), object.union(_own_hold, {"answerer": 1}),
	] {
		codes(lib.extension_denials(_said("hold", {entry}))) == {"EXTENSION_MALFORMED"}
		lib.extension_holds(_said("hold", {entry})) == set()
	}
}

test_a_part_that_does_not_exist_is_a_denial if {
	codes(lib.extension_denials(_said("allow", {_own}))) == {"EXTENSION_MALFORMED"}
}

test_parts_do_not_mix if {
	lib.extension_holds(_said("deny", {_own_hold})) == set()
	lib.extension_obligations(_said("deny", {_own})) == set()
	lib.extension_denials(_said("hold", {_own_hold})) == set()
}

test_holds_are_a_set if {
	every value in [[_own_hold], {"a": _own_hold}] {
		codes(lib.extension_denials(_said("hold", value))) == {"EXTENSION_MALFORMED"}
	}
}
