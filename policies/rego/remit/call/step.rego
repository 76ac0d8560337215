package remit.call

import future.keywords.not
import rego.v1

packages contains "call/step"

# METADATA
# title: The plan has no such step
# description: The run's plan says nothing of this tool, so the agent is not expected to use it now.
# custom:
#   code: NO_STEP
#   remedy: Amend the plan first, so that the step can be judged.
#   controls: [ASI01, ASI02, T6, PR.AA-05]
deny contains {"code": "NO_STEP", "subject": data.remit.lib.tool_name, "rule": "call/step"} if {
	not _has_step
}

# METADATA
# title: The plan's step does not allow this
# description: The plan uses this tool, but not like this, not by this agent, or not so often.
# custom:
#   code: STEP_NOT_ADMITTED
#   remedy: Keep to the step as it was planned, or amend the plan first.
#   controls: [ASI01, ASI02, T6, PR.AA-05]
deny contains {"code": "STEP_NOT_ADMITTED", "subject": subject, "rule": "call/step"} if {
	_has_step
	not _step_admits
	violations := object.get(input, ["call", "step", "violations"], [])
	some subject in data.remit.lib.violated(violations, data.remit.lib.step_id)
}

_has_step if is_object(input.call.step)

_step_admits if input.call.step.admitted == true
