package remit.lib

import rego.v1

packages contains "lib/question"

_version := 1

# METADATA
# title: Whether the input is the question that this package answers
# description: >-
#   The gateway checks the whole document against its schema; this is the second lock on the same door.
wellformed(question) if {
	input.version == _version
	input.question == question
	is_number(input.time)
	is_string(input.environment)
	is_object(input.principal)
	is_object(input.run)
	is_array(input.limits)
	is_array(input.approvals)
	_wellformed_part(question)
}

_wellformed_part("run") if {
	input.call == null
	input.plan == null
}

_wellformed_part("plan") if {
	input.call == null
	is_object(input.plan.diff)
	is_array(input.plan.grown)
}

_wellformed_part("call") if {
	input.plan == null
	is_array(input.call.holds)
	is_object(input.call.grant)
	input.call.tool == input.tool.name
}

# METADATA
# title: The agent that asks
# description: Subjects of findings are always strings, so that a missing field cannot make a finding vanish.
agent_id := object.get(input, ["principal", "agent", "id"], "")

# METADATA
# title: The user for whom it asks
# description: Empty for a run without one.
user_id := object.get(input, ["principal", "user", "id"], "")

# METADATA
# title: The task type of the run
# description: Its id, whether or not it is registered.
template_id := object.get(input, ["run", "template"], "")

# METADATA
# title: The tool that is called
# description: Its name, whether or not it is granted.
tool_name := object.get(input, ["call", "tool"], "")

# METADATA
# title: The plan's step that the call belongs to
# description: Empty when no step comes near it.
step_id := object.get(input, ["call", "step", "id"], "")

# METADATA
# title: The arguments that a list of violations names
# description: What to name instead when the list is empty or missing.
violated(violations, otherwise) := arguments if {
	arguments := {violation.argument | some violation in violations}
	count(arguments) > 0
} else := {otherwise}
