package remit.lib_test

import data.remit.lib

import future.keywords.not
import rego.v1

_with_approval(answer) := with_value(call_question, "/approvals", [answer])

_answered(addressee, answer) if {
	lib.answered("A", addressee) with input as _with_approval(answer)
		with data.remit.templates as templates
		with data.remit.inventory as inventory
}

test_the_one_who_was_asked_answers if {
	_answered("user", approval("uma"))
	_answered("owner", approval("olga"))
	_answered("role:finance", approval("rita"))
}

test_nobody_else_answers if {
	every addressee, person in {"user": "olga", "owner": "rita", "role:finance": "olga", "role:x": "rita", "": "olga"} {
		not _answered(addressee, approval(person))
	}
}

test_four_eyes if {
	not _answered("role:finance", approval("uma"))
	not lib.answered("A", "owner") with input as _with_approval(approval("uma"))
		with data.remit.templates as {"refund": object.union(templates.refund, {"owner": "uma"})}
}

test_an_approval_answers_its_codes_in_its_time if {
	not _answered("owner", object.union(approval("olga"), {"codes": ["B"]}))
	not _answered("owner", object.union(approval("olga"), {"codes": []}))
	not _answered("owner", object.union(approval("olga"), {"expires_at": 1000}))
	not _answered("owner", object.union(approval("olga"), {"status": "pending", "answered_by": null}))
	not _answered("owner", object.union(approval("olga"), {"status": "rejected"}))
}

test_missing_fields_answer_nothing if {
	every field in {"status", "codes", "answered_by", "expires_at"} {
		not _answered("owner", object.remove(approval("olga"), [field]))
	}
	every field in {"time", "approvals"} {
		not lib.answered("A", "owner") with input as without(_with_approval(approval("olga")), field)
			with data.remit.templates as templates
	}
}

test_without_a_user_others_still_answer if {
	question := with_value(_with_approval(approval("olga")), "/principal/user", null)
	lib.answered("A", "owner") with input as question with data.remit.templates as templates
	not lib.answered("A", "user") with input as question with data.remit.templates as templates
}

test_rejected if {
	every status in ["rejected", "unheard-of", null] {
		question := _with_approval(object.union(approval("olga"), {"status": status}))
		codes(lib.rejected) == {"APPROVAL_REJECTED"} with input as question
	}
	codes(lib.rejected) == {"APPROVAL_REJECTED"} with input as _with_approval({})
	codes(lib.rejected) == set() with input as _with_approval(approval("olga"))
	codes(lib.rejected) == set() with input as {}
}

test_answerable if {
	every addressee in {"user", "owner", "role:x"} {
		lib.answerable(addressee) with input as call_question with data.remit.templates as templates
	}
	not lib.answerable("") with input as call_question with data.remit.templates as templates
	not lib.answerable("user") with input as with_value(call_question, "/principal/user", null)
	not lib.answerable("owner") with input as {} with data.remit.templates as templates
	not lib.answerable("owner") with input as call_question
		with data.remit.templates as {"refund": object.union(templates.refund, {"owner": "uma"})}
}

test_answerers if {
	lib.answerer("user") == {"kind": "user", "who": "uma"} with input as call_question
	lib.answerer("role:finance") == {"kind": "role", "who": "finance"} with input as call_question
}
