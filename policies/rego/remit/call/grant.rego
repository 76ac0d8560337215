package remit.call

import future.keywords.not
import rego.v1

packages contains "call/grant"

# METADATA
# title: The call lies within the run's remit
# description: Task type and plan allow this tool with these arguments, to this agent for this user.
# custom:
#   code: CALL_WITHIN_REMIT
#   remedy: Nothing needs to be done.
#   controls: [NHI5:2025, ASI02, T2, PR.AA-05]
allow contains {"code": "CALL_WITHIN_REMIT", "subject": data.remit.lib.tool_name, "rule": "call/grant"} if {
	data.remit.lib.entitled
	_tool_granted
	_arguments_granted
	input.call.step.admitted == true
}

# METADATA
# title: The task type does not include this tool
# description: This kind of task is not allowed to use this tool.
# custom:
#   code: TOOL_NOT_GRANTED
#   remedy: Use a tool that the task type lists, or amend the plan and let the owner of the task type decide.
#   controls: [NHI5:2025, ASI02, T2, PR.AA-05]
deny contains {"code": "TOOL_NOT_GRANTED", "subject": data.remit.lib.tool_name, "rule": "call/grant"} if {
	not _tool_granted
}

# METADATA
# title: An argument goes beyond the task type
# description: This kind of task may use the tool, but not with this value.
# custom:
#   code: ARGUMENT_BEYOND_TEMPLATE
#   remedy: >-
#     Use a value within the task type's bounds, or amend the plan and let the owner of the task type
#     decide.
#   controls: [NHI5:2025, ASI02, T2, PR.AA-05]
deny contains {"code": "ARGUMENT_BEYOND_TEMPLATE", "subject": subject, "rule": "call/grant"} if {
	not _arguments_granted
	violations := object.get(input, ["call", "grant", "violations"], [])
	some subject in data.remit.lib.violated(violations, data.remit.lib.tool_name)
}

# The owner of the task type let this very step go beyond it.
_owner_approved if input.call.step.approved == true

_tool_granted if input.call.grant.granted == true

_tool_granted if _owner_approved

_arguments_granted if input.call.grant.violations == []

_arguments_granted if _owner_approved
