"""Cloud Call Center: MuteCall and UnmuteCall, and CCC's own errors in CCC's own shape."""

from local.simulator import bodies
from local.simulator.actions import ACTIONS, Action, Outcome
from local.simulator.errors import BusinessError
from local.simulator.products.product import Order, Perform, Product, Reply


def _performing(action: Action) -> Perform:
    def perform(order: Order) -> Reply:
        options = order.options
        try:
            outcome = _outcome(action, order)
        except BusinessError as error:
            status = error.status if options.business_errors == "http-status" else 200
            return Reply(status, bodies.business_error(order.request_id, error, options))
        return Reply(200, bodies.success(order.request_id, outcome, options))

    return perform


def _outcome(action: Action, order: Order) -> Outcome:
    missing = order.missing(*action.required)
    if missing and order.options.missing_parameter == "ccc":
        raise BusinessError("Parameter.Blank", missing)
    order.require(*action.required)
    return action.perform(order.state, order.parameters, strict=order.options.repeated_mute == "error")


CCC = Product(
    name="CCC",
    version="2020-07-01",
    host_id="ccc.cn-shanghai.aliyuncs.com",
    actions={name: _performing(action) for name, action in ACTIONS.items()},
)
