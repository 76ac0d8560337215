# METADATA
# title: May this call be made
# description: >-
#   Whether this tool may be called with exactly these arguments, now.
package remit.call

import future.keywords.not
import rego.v1

packages contains "call/decision"

# METADATA
# title: The answer
# description: The only thing that the gateway asks for.
# entrypoint: true
decision := data.remit.lib.answer(_said) if _wellformed

decision := data.remit.lib.refusal(data.remit.lib.question_malformed, _evaluated) if not _wellformed

_wellformed if data.remit.lib.wellformed("call")

_evaluated := packages | data.remit.extension.call.packages

_said := {
	"deny": (deny | data.remit.extension.call.deny),
	"hold": (hold | data.remit.extension.call.hold),
	"allow": allow,
	"obligations": data.remit.extension.call.obligations,
	"packages": _evaluated,
}
