"""The table of what goes in and out of the ACD engine (`acd.engine.Engine`): the one place to import it from.

Events tell what happened to callers, agents and ring attempts; commands say whom to ring, whom to connect and what
to record. Every event that concerns an offer carries its ring attempt; one that is not the live attempt of its
agent is stale and answered with `RefuseAnswer`. All times are monotonic seconds.

    agents    agents and their phones             waiting   callers in the line
    rings     ring attempts and conversations     promises  call-backs
    settings  what the configuration says         words     the enumerations of all of them
    chats     typed chats, beside calls
"""

from __future__ import annotations

from softswitch.acd.messages.agents import (
    AgentFreed,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNeedsTime,
    AgentRestored,
    AgentStateChanged,
    AgentWentOnBreak,
    AgentWentOutbound,
    AgentWentReady,
    OrderAnswered,
    OwnCallBegan,
    OwnCallEnded,
    PhoneLost,
    PhoneRegistered,
)
from softswitch.acd.messages.chats import (
    ChatAccepted,
    ChatClosed,
    ChatDeclined,
    ChatEnded,
    ChatEntered,
    ChatLeftQueue,
    ChatOfferEnded,
    OfferChat,
)
from softswitch.acd.messages.promises import (
    CallBackRequested,
    ConfirmCallBack,
    PromiseChanged,
    PromiseEscalated,
    PromiseRestored,
    PromiseSaved,
    SavePromise,
)
from softswitch.acd.messages.rings import (
    AgentAnswered,
    AgentRefused,
    AgentTookOver,
    AgentUnreachable,
    CancelRing,
    Connect,
    ConversationEnded,
    CustomerAnswered,
    CustomerNotReached,
    CustomerReached,
    EndConversation,
    RefuseAnswer,
    RingAgent,
    RingEnded,
)
from softswitch.acd.messages.settings import (
    AcdSettings,
    AgentSettings,
    BreakRule,
    CallBackRule,
    LetFirstRule,
    QueueSettings,
    RelaxStep,
    ReliefRule,
    StickyRule,
)
from softswitch.acd.messages.waiting import (
    AnnounceWaiting,
    CallerEntered,
    CallerLeft,
    CallerLetOthersFirst,
    CallerMovedToFront,
    CallerNoted,
    CallerWentOn,
    ChoiceMade,
    InteractionEnded,
    OfferChoice,
    OverflowCaller,
    QueueHoursChanged,
    WayOutChanged,
)
from softswitch.acd.messages.words import (
    AgentState,
    Choice,
    Outcome,
    PromiseState,
    RingEnd,
)

Event = (
    PhoneRegistered
    | PhoneLost
    | AgentLoggedIn
    | AgentLoggedOut
    | AgentWentReady
    | AgentWentOnBreak
    | AgentWentOutbound
    | AgentNeedsTime
    | AgentFreed
    | OwnCallBegan
    | OwnCallEnded
    | AgentRestored
    | CallerEntered
    | CallerLeft
    | ChoiceMade
    | CallerWentOn
    | CallerLetOthersFirst
    | CallerMovedToFront
    | CallBackRequested
    | QueueHoursChanged
    | WayOutChanged
    | PromiseSaved
    | PromiseRestored
    | AgentAnswered
    | AgentRefused
    | AgentUnreachable
    | ConversationEnded
    | CustomerReached
    | CustomerAnswered
    | CustomerNotReached
    | AgentTookOver
    | ChatEntered
    | ChatAccepted
    | ChatDeclined
    | ChatClosed
)

Command = (
    RingAgent
    | CancelRing
    | Connect
    | RefuseAnswer
    | EndConversation
    | OfferChoice
    | AnnounceWaiting
    | SavePromise
    | ConfirmCallBack
    | OverflowCaller
    | OrderAnswered
    | AgentStateChanged
    | RingEnded
    | PromiseChanged
    | PromiseEscalated
    | CallerNoted
    | InteractionEnded
    | OfferChat
    | ChatOfferEnded
    | ChatLeftQueue
    | ChatEnded
)

__all__ = [
    "AcdSettings",
    "AgentAnswered",
    "AgentFreed",
    "AgentLoggedIn",
    "AgentLoggedOut",
    "AgentNeedsTime",
    "AgentRefused",
    "AgentRestored",
    "AgentSettings",
    "AgentState",
    "AgentStateChanged",
    "AgentTookOver",
    "AgentUnreachable",
    "AgentWentOnBreak",
    "AgentWentOutbound",
    "AgentWentReady",
    "AnnounceWaiting",
    "BreakRule",
    "CallBackRequested",
    "CallBackRule",
    "CallerEntered",
    "CallerLeft",
    "CallerLetOthersFirst",
    "CallerMovedToFront",
    "CallerNoted",
    "CallerWentOn",
    "CancelRing",
    "ChatAccepted",
    "ChatClosed",
    "ChatDeclined",
    "ChatEnded",
    "ChatEntered",
    "ChatLeftQueue",
    "ChatOfferEnded",
    "Choice",
    "ChoiceMade",
    "Command",
    "ConfirmCallBack",
    "Connect",
    "ConversationEnded",
    "CustomerAnswered",
    "CustomerNotReached",
    "CustomerReached",
    "EndConversation",
    "Event",
    "InteractionEnded",
    "LetFirstRule",
    "OfferChat",
    "OfferChoice",
    "OrderAnswered",
    "Outcome",
    "OverflowCaller",
    "OwnCallBegan",
    "OwnCallEnded",
    "PhoneLost",
    "PhoneRegistered",
    "PromiseChanged",
    "PromiseEscalated",
    "PromiseRestored",
    "PromiseSaved",
    "PromiseState",
    "QueueHoursChanged",
    "QueueSettings",
    "RefuseAnswer",
    "RelaxStep",
    "ReliefRule",
    "RingAgent",
    "RingEnd",
    "RingEnded",
    "SavePromise",
    "StickyRule",
    "WayOutChanged",
]
