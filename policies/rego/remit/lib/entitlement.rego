package remit.lib

import future.keywords.not
import rego.v1

packages contains "lib/entitlement"

# METADATA
# title: The registered task type of the run
# description: Undefined when there is none.
template := data.remit.templates[input.run.template]

# METADATA
# title: Everything that must hold of task type, agent and user, holds
# description: What any permission builds on; asked again at every call, since people and agents move on.
entitled if count(unentitled) == 0

# METADATA
# title: The task type is not registered
# description: The run refers to a task type that nobody has registered, or that has been withdrawn.
# custom:
#   code: TEMPLATE_UNKNOWN
#   remedy: Check the name of the task type, or ask its team to register it.
#   controls: [NHI5:2025, ASI03, PR.AA-05]
unentitled contains {"code": "TEMPLATE_UNKNOWN", "subject": template_id, "rule": "lib/entitlement"} if {
	not _template_known
}

# METADATA
# title: The task type is overdue for review
# description: >-
#   The task type's review date has passed. Until its owner renews it, nothing new is allowed under it.
# custom:
#   code: TEMPLATE_OVERDUE
#   remedy: Ask the owner of the task type to review and renew it.
#   controls: [NHI1:2025, ASI03, PR.AA-05]
unentitled contains {"code": "TEMPLATE_OVERDUE", "subject": template_id, "rule": "lib/entitlement"} if {
	_template_known
	not _template_current
}

# METADATA
# title: The agent is not registered
# description: Nobody in the organisation answers for this agent, or it has been withdrawn.
# custom:
#   code: AGENT_UNKNOWN
#   remedy: Ask the team that runs the agent to register it with an owner.
#   controls: [NHI1:2025, ASI03, ASI10, PR.AA-01]
unentitled contains {"code": "AGENT_UNKNOWN", "subject": agent_id, "rule": "lib/entitlement"} if {
	not _agent_known
}

# METADATA
# title: The agent may not work in this environment
# description: The agent is registered for other environments than this one.
# custom:
#   code: AGENT_ENVIRONMENT
#   remedy: Use an agent that is registered for this environment, or ask its owner to register it here.
#   controls: [NHI8:2025, ASI03, PR.AA-05]
unentitled contains {"code": "AGENT_ENVIRONMENT", "subject": agent_id, "rule": "lib/entitlement"} if {
	_agent_known
	not _agent_at_home
}

# METADATA
# title: The agent may not do this kind of task
# description: The task type does not list this agent, or not every agent that it was delegated through.
# custom:
#   code: AGENT_NOT_ENTITLED
#   remedy: Ask the owner of the task type whether this agent should be listed.
#   controls: [NHI5:2025, ASI03, T3, PR.AA-05]
unentitled contains {"code": "AGENT_NOT_ENTITLED", "subject": agent_id, "rule": "lib/entitlement"} if {
	_template_known
	not _agents_listed
}

# METADATA
# title: This task needs a user
# description: The run works for nobody in particular, and this task type does not allow that.
# custom:
#   code: USER_REQUIRED
#   remedy: Start the run on behalf of a signed-in user.
#   controls: [NHI10:2025, ASI03, PR.AA-05]
unentitled contains {"code": "USER_REQUIRED", "subject": template_id, "rule": "lib/entitlement"} if {
	_template_known
	not _accountable
}

# METADATA
# title: The user is not verified
# description: The agent names a user, but the user's identity was not proved.
# custom:
#   code: USER_NOT_VERIFIED
#   remedy: Let the user sign in, and start the run with the user's own token.
#   controls: [ASI03, T9, PR.AA-03]
unentitled contains {"code": "USER_NOT_VERIFIED", "subject": user_id, "rule": "lib/entitlement"} if {
	not _user_verified
}

# METADATA
# title: The user may not have this kind of task done
# description: The task type does not list this user.
# custom:
#   code: USER_NOT_ENTITLED
#   remedy: Ask the owner of the task type whether this user should be listed.
#   controls: [NHI5:2025, ASI03, T3, PR.AA-05]
unentitled contains {"code": "USER_NOT_ENTITLED", "subject": user_id, "rule": "lib/entitlement"} if {
	_template_known
	not _user_listed
}

_template_known if is_object(template)

# On its review date it no longer counts.
_template_current if input.time < template.review_by_epoch

_agent_known if input.principal.agent.known == true

_agent_at_home if input.environment in input.principal.agent.environments

_agents_listed if {
	input.principal.agent.id in template.agents
	every delegate in input.principal.chain {
		delegate in template.agents
	}
}

_no_user if input.principal.user == null

_accountable if is_object(input.principal.user)

_accountable if {
	_no_user
	template.autonomous == true
}

_user_verified if _no_user

_user_verified if input.principal.user.verified == true

_user_listed if _no_user

_user_listed if input.principal.user.id in template.users

_user_listed if {
	is_string(input.principal.user.id)
	"*" in template.users
}
