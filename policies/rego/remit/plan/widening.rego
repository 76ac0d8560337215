package remit.plan

import future.keywords.not
import rego.v1

packages contains "plan/widening"

# METADATA
# title: The plan may take these steps
# description: >-
#   Every step that is new or wider lies within the task type and within what the run was opened for, or
#   whoever has to agree to it did.
# custom:
#   code: PLAN_WITHIN_TEMPLATE
#   remedy: Nothing needs to be done.
#   controls: [NHI5:2025, ASI01, PR.AA-05]
allow contains {"code": "PLAN_WITHIN_TEMPLATE", "subject": data.remit.lib.template_id, "rule": "plan/widening"} if {
	_grows
	_all_named
	data.remit.lib.entitled
	every step in input.plan.grown {
		_known(step)
		_justified(step)
		_agreed(step)
	}
}

# METADATA
# title: Task type, agent and user must fit each other before anything grows
# description: The findings name what does not hold.
deny contains finding if {
	not _only_narrows
	some finding in data.remit.lib.unentitled
}

# METADATA
# title: A step uses a tool that does not exist
# description: The plan names a tool that is not in the catalogue.
# custom:
#   code: STEP_TOOL_UNKNOWN
#   remedy: Use a tool from the catalogue, or ask the tool's team to register it.
#   controls: [ASI02, ASI04, PR.AA-05]
deny contains {"code": "STEP_TOOL_UNKNOWN", "subject": subject, "rule": "plan/widening"} if {
	some step in input.plan.grown
	not _known(step)
	subject := object.get(step, "id", "")
}

# METADATA
# title: A step goes beyond the task type
# description: >-
#   The plan asks for more than this kind of task allows, so the owner of the task type has to agree.
# custom:
#   code: STEP_BEYOND_TEMPLATE
#   remedy: Wait for the answer of the task type's owner, or keep the step within the task type.
#   controls: [NHI5:2025, ASI01, ASI09, T6, PR.AA-05]
hold contains held if {
	some step in input.plan.grown
	not _within(step)
	held := {
		"code": "STEP_BEYOND_TEMPLATE",
		"subject": object.get(step, "id", ""),
		"rule": "plan/widening",
		"answerer": "owner",
	}
}

# METADATA
# title: A step goes beyond what the run was opened for
# description: >-
#   The agent asks for a step that the person who opened the run took out or never put in, so the person
#   for whom the run works has to agree; in a run for nobody in particular, the task type's owner.
# custom:
#   code: STEP_BEYOND_OPENER
#   remedy: Wait for that person's answer, or keep to the steps that the run was opened with.
#   controls: [NHI5:2025, ASI01, ASI09, T6, PR.AA-05]
hold contains held if {
	some step in input.plan.grown
	not _within_opening(step)
	held := {
		"code": "STEP_BEYOND_OPENER",
		"subject": object.get(step, "id", ""),
		"rule": "plan/widening",
		"answerer": _opener,
	}
}

_grows if count(input.plan.grown) > 0

_only_narrows if {
	input.plan.grown == []
	input.plan.diff.added == []
	input.plan.diff.widened == []
}

# Every added or widened step is among those that were checked against the template.
_all_named if {
	checked := {step.id | some step in input.plan.grown}
	every id in array.concat(input.plan.diff.added, input.plan.diff.widened) {
		id in checked
	}
}

_known(step) if step.known == true

_within(step) if step.within_template == true

_justified(step) if _within(step)

_justified(_) if data.remit.lib.answered("STEP_BEYOND_TEMPLATE", "owner")

# Who opened the run may change their mind; the agent may not change it for them.
_within_opening(_) if input.plan.requested_by in {"user", "orchestrator"}

_within_opening(step) if {
	input.plan.requested_by == "agent"
	step.within_ceiling == true
}

_agreed(step) if _within_opening(step)

_agreed(_) if data.remit.lib.answered("STEP_BEYOND_OPENER", _opener)

_opener := "user" if {
	data.remit.lib.answerable("user")
} else := "owner"
