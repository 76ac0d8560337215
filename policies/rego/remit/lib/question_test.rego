package remit.lib_test

import data.remit.lib

import future.keywords.not
import rego.v1

_questions := {"run": run_question, "plan": plan_question, "call": call_question}

test_questions_are_wellformed if {
	every name, question in _questions {
		lib.wellformed(name) with input as question
	}
}

test_a_question_is_not_another if {
	every name, question in _questions {
		every other in {"run", "plan", "call", "x"} - {name} {
			not lib.wellformed(other) with input as question
		}
	}
}

test_parts_cannot_be_missing_or_null if {
	missing := {"version", "question", "time", "environment", "principal", "run", "limits", "approvals", "call", "plan"}
	every name, question in _questions {
		every field in missing {
			not lib.wellformed(name) with input as without(question, field)
		}
		every field in missing - {"call", "plan"} {
			not lib.wellformed(name) with input as with_value(question, concat("/", ["", field]), null)
		}
	}
}

test_parts_of_another_question_do_not_belong if {
	not lib.wellformed("run") with input as with_value(run_question, "/call", {})
	not lib.wellformed("run") with input as with_value(run_question, "/plan", {})
	not lib.wellformed("plan") with input as with_value(plan_question, "/call", {})
	not lib.wellformed("call") with input as with_value(call_question, "/plan", {})
}

test_the_tool_must_be_the_called_one if {
	not lib.wellformed("call") with input as with_value(call_question, "/tool/name", "other")
	not lib.wellformed("call") with input as with_value(call_question, "/tool", null)
}

test_another_version_is_not_understood if {
	not lib.wellformed("run") with input as with_value(run_question, "/version", 2)
}

test_subjects_are_what_was_asked if {
	["desk", "uma", "refund", "pay", "s1"] == [
		lib.agent_id, lib.user_id, lib.template_id,
		lib.tool_name, lib.step_id,
	] with input as call_question
}

test_subjects_are_strings_even_of_nothing if {
	every question in [{}, {"principal": null, "run": null, "call": null}, {"principal": {"user": null}, "call": {"step": null}}] {
		["", "", "", "", ""] == [
			lib.agent_id, lib.user_id, lib.template_id,
			lib.tool_name, lib.step_id,
		] with input as question
	}
}

test_violations_name_their_arguments if {
	lib.violated([{"argument": "a"}, {"argument": "b"}], "x") == {"a", "b"}
	lib.violated([], "x") == {"x"}
	lib.violated([{}], "x") == {"x"}
}
