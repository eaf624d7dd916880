"""A caller goes from hand to hand: to another department, for a question and back, or where a supervisor puts him.

    talking --PassCaller--> the line of the other department: his wait, his context and his notes go with him
    talking --PassCaller(come_back)--> as above; when the colleague hangs up --> her line, with her as "the same person"
    talking --EndConversation (a supervisor frees her)--> the line he came from
    waiting --MoveCaller--> another line

What he waited counts everywhere; a talk is no wait.
"""

from __future__ import annotations

from dataclasses import replace

from softswitch.acd.messages import CallerWentOn
from softswitch.call.call_back import CallBackSession, Ticket
from softswitch.call.known import QueuePlace
from softswitch.call.orders import MoveCaller, PassCaller, SetOwner
from softswitch.call.routing import Route
from softswitch.call.session import CallerSession, Stage
from softswitch.call.settings import NumberSettings
from softswitch.ids import AgentId, FlowId, QueueId
from softswitch.ivr.messages import Target


def pass_on(session: CallerSession, command: PassCaller, now: float) -> None:
    """Department to department: the caller keeps his leg, his wait and his context; she goes into wrap-up."""
    talk = session.talk
    if talk is None or talk.over or not session.leg.alive or session.handing.handover is not None:
        return
    session.talk = None
    agent, began_at = talk.agent, session.since
    talk.pass_on(now)
    session.handing.marked("passed on", command.queue)
    session.take_leg()
    target = session.waiting.pass_target(command.queue)
    entering = session.waiting.passed_on(agent, target, command.note, began_at, command.come_back)
    if entering is not None:
        session.enter_queue(entering, now)
    else:
        place = session.waiting.place
        assert place is not None
        session.go(target, place, now)


def pass_to(session: CallerSession, target: Target, now: float) -> None:
    """By her phone: to a department, or into a flow of the line."""
    if target.queue:
        pass_on(session, PassCaller(session.interaction, QueueId(target.queue)), now)
        return
    talk, place = session.talk, session.waiting.place
    assert talk is not None and place is not None
    session.talk = None
    talk.pass_on(now)
    session.take_leg()
    session.waiting.passed_on(talk.agent, target, "", session.since)
    session.go(target, place, now)


def pass_on_call_back(session: CallBackSession, caller: CallerSession, command: PassCaller, now: float) -> None:
    """The customer of a call-back, once they talk, is a caller like any other."""
    become_caller(session, caller)
    pass_on(caller, command, now)


def come_in(session: CallerSession, target: Target, by: AgentId, now: float) -> None:
    """Who talked with an agent in a call of her own, and is given to the line by her."""
    session.waiting.note(f"transferred by {by}")
    nowhere = QueuePlace(QueueId(""), None, {}, (), "")
    session.go(replace(target, because=f"passed on by {by}"), nowhere, now)


def become_caller(session: CallBackSession, caller: CallerSession) -> None:
    talk = session.talk
    assert talk is not None
    talk.is_the_customer()
    caller.talk, caller.stage, caller.since = talk, Stage.TALKING, session.since
    caller.waiting.can_be_called_back = True
    caller.waiting.adopt(session.interaction, _place(session.ticket, session.since))


def caller_of(session: CallBackSession, now: float) -> CallerSession | None:
    """The customer as a caller; None when nobody talks with him (any more)."""
    talk, leg, ticket = session.talk, session.customer_leg, session.ticket
    if talk is None or talk.over or leg is None or not leg.alive:
        return None
    route = Route(NumberSettings(ticket.caller, FlowId(""), ticket.language), FlowId(""), True)
    return CallerSession(session.board, ticket.interaction, leg, route, now)


def _place(ticket: Ticket, since: float) -> QueuePlace:
    return QueuePlace(ticket.queue, ticket.customer, {}, (), "called back", entered_at=since)


def freed(session: CallerSession, now: float) -> None:
    """A supervisor took her out of this talk; who still is on the line goes back into it, with his wait."""
    if session.handing.handover is not None:
        session.handing.handover.agent_freed(now)
        return
    talk, session.talk = session.talk, None
    assert talk is not None
    talk.pass_on(now)
    session.take_leg()
    session.waiting.left_line(session.since)  # the talk is no wait
    session.enter_line(now)


def move(session: CallerSession, command: MoveCaller, now: float) -> None:
    """As if he had pressed a key that leads there."""
    place = session.waiting.place
    if session.stage not in (Stage.QUEUED, Stage.CHOOSING) or place is None or place.going is not None:
        return
    place.going = Target(queue=command.queue, because=f"moved by {command.by}")
    session.waiting.note(f"moved to {command.queue} by {command.by}")
    session.waiting.emit(CallerWentOn(session.interaction, f"moved by {command.by}"))


def set_owner(session: CallerSession, command: SetOwner, now: float) -> None:
    session.waiting.set_owner(command.agent)
