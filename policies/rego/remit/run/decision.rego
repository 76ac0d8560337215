# METADATA
# title: May this principal open this run
# description: >-
#   Whether an agent may begin a task of this type, for this user, here and now.
package remit.run

import future.keywords.not
import rego.v1

packages contains "run/decision"

# METADATA
# title: The answer
# description: The only thing that the gateway asks for.
# entrypoint: true
decision := data.remit.lib.answer(_said) if _wellformed

decision := data.remit.lib.refusal(data.remit.lib.question_malformed, _evaluated) if not _wellformed

_wellformed if data.remit.lib.wellformed("run")

_evaluated := packages | data.remit.extension.run.packages

_said := {
	"deny": (deny | data.remit.extension.run.deny),
	"hold": data.remit.extension.run.hold,
	"allow": allow,
	"obligations": data.remit.extension.run.obligations,
	"packages": _evaluated,
}
