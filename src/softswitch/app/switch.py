"""One running switch: every room made, wired through the driver, started and stopped in order.

Start: store (migrated) -> prompts -> media process (ports leased) -> sockets -> cores wired -> memory restored ->
HTTP. Whatever is missing raises StartError, one sentence. Stop: no new calls, BYE to the rest, store flushed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

import structlog

from softswitch.acd import messages as acd
from softswitch.acd.engine import Engine
from softswitch.acd.journal import NotedIds, RecordedEngine
from softswitch.app.audio import note_silence
from softswitch.app.chance import Chance
from softswitch.app.chat_desk import COMMANDS as CHAT_COMMANDS
from softswitch.app.chat_desk import ChatDesk
from softswitch.app.clock import Clock
from softswitch.app.consult import Asking
from softswitch.app.dialling import DialDesk
from softswitch.app.floor_orders import Orders
from softswitch.app.lamps import Lamps
from softswitch.app.phone_watch import PhoneWatch
from softswitch.app.recording_desk import RecordingDesk
from softswitch.app.remember import Memory
from softswitch.app.security_log import SecurityLog
from softswitch.app.sip_edge import SipEdge, note_trunk
from softswitch.app.sounds import Sounds
from softswitch.app.store_wait import opened
from softswitch.app.supervision import Supervisors, write_down
from softswitch.app.survivors import Survivors, close_left_open, note_missing, survivors_of
from softswitch.app.tally import Tally
from softswitch.app.view import LiveSwitch
from softswitch.call import records
from softswitch.call.audio_watch import AudioSilent
from softswitch.call.core import Calls
from softswitch.call.errors import StartError
from softswitch.call.live import LiveCall
from softswitch.call.live_calls import LiveCalls
from softswitch.call.live_speech import MakeSpeech
from softswitch.call.prompts import PromptCatalog
from softswitch.call.record import RECORDED
from softswitch.call.recording import RecordingOrder, RecordingOrders
from softswitch.call.settings import Settings
from softswitch.call.supervision import SupervisionNoted
from softswitch.config.strategies import strategies
from softswitch.ids import IdSource, InteractionId
from softswitch.media import messages as media
from softswitch.media import mix_messages
from softswitch.media.ports import PortStock, shares_of
from softswitch.runtime.certificate_fetch import CertificateFetcher
from softswitch.runtime.driver import Driver
from softswitch.runtime.hep_mirror import HepMirror
from softswitch.runtime.journal import JournalWriter, directory_of
from softswitch.runtime.media_client import MediaStartError
from softswitch.runtime.media_house import MediaHouse, as_here, carries_on
from softswitch.runtime.media_house import directory_of as media_directory_of
from softswitch.runtime.resolver import NameService
from softswitch.runtime.sip_transport import SipTransport
from softswitch.sip import messages as sip
from softswitch.sip.digit_messages import SendInfoKeys
from softswitch.sip.locate import Lookup, LookupDone
from softswitch.sip.stack import SipStack
from softswitch.sip.stir_messages import CertificateFetched, FetchCertificate
from softswitch.sip.survivor import LegsRestored
from softswitch.store.store import Store
from softswitch.web.app import make_app
from softswitch.web.server import HttpServer, start_http
from softswitch.web.sip_socket import WebPhones

log = structlog.get_logger()

_GOODBYE_SECONDS = 5.0
_LEAVE_SECONDS = 2.0

_SIP_EVENTS = (
    sip.PacketReceived,
    sip.StreamReceived,
    sip.StreamClosed,
    sip.TransportFailed,
    sip.LoadChanged,
    sip.ContactsSaved,
    sip.ContactsRestored,
    CertificateFetched,
    LookupDone,
    sip.RespondProvisional,
    sip.Answer,
    sip.Reject,
    sip.StartInvite,
    sip.SendOffer,
    sip.AnswerOffer,
    sip.Hangup,
    sip.AnswerRefer,
    sip.ReferProgressed,
    sip.LampLit,
    sip.LeaveCarriers,
    SendInfoKeys,
    LegsRestored,
)
_ACD_EVENTS = get_args(acd.Event)
_MEDIA_COMMANDS = (
    media.OpenMediaLeg,
    media.SetRemote,
    media.SetKeys,
    media.StartDtls,
    media.Play,
    media.PlayMusic,
    media.StopPlay,
    media.Bridge,
    media.Unbridge,
    media.CloseMediaLeg,
    *get_args(mix_messages.MixCommand),
    media.SendDigits,
    media.ListenForKeys,
    media.WatchAnswer,
    media.AdoptLegs,
    media.StartRecording,
    media.StopRecording,
    media.PauseRecording,
    media.MaskRecording,
    media.MarkRecording,
)
_CALL_RECORDS = (
    records.DialRecord,
    records.InteractionOpened,
    records.InteractionQueued,
    records.TalkRecord,
    records.InteractionClosed,
    records.InteractionLost,
    records.CallDetail,
    records.PromiseAnswered,
)


@dataclass(frozen=True, slots=True)
class Cores:
    """The pure rooms."""

    stack: SipStack
    calls: Calls
    engine: Engine
    recorded: Engine | RecordedEngine  # the same, with its journal
    ids: IdSource


@dataclass(frozen=True, slots=True)
class Edges:
    """The rooms with effects."""

    store: Store
    memory: Memory
    media: MediaHouse
    transport: SipTransport
    journal: JournalWriter | None
    sounds: Sounds
    recordings: RecordingDesk


class Switch:
    """Made by `Switch.start`; runs until `stop`."""

    cores: Cores
    edges: Edges
    http: HttpServer

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings = replace(settings, media=as_here(settings.media))
        self.clock = clock
        self.tally = Tally(settings.acd.queues)
        self.live = LiveSwitch(self)
        self._loop = asyncio.get_running_loop()
        self._driver = Driver(self._loop)
        self._listening = False
        self._last_leg_written = asyncio.Event()
        self._closers: list[Callable[[], Any]] = [clock.close]  # in the order of opening; run backwards

    # -------------------------------------------------------------- start

    @classmethod
    async def start(
        cls,
        settings: Settings,
        progress: Callable[[int, int], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> Switch:
        """A switch that answers calls. Raises StartError with nothing left open. `stop`: it waits for nothing more."""
        switch = cls(settings, Clock(asyncio.get_running_loop(), settings.call.timezone))
        try:
            await switch._open(progress, stop)
        except BaseException:
            if hasattr(switch, "edges"):
                switch.edges.media.leave_calls()  # the next start, with what was missing now, goes on with them
            await switch._close_all()
            raise
        return switch

    async def _open(self, progress: Callable[[int, int], None] | None, stop: asyncio.Event | None) -> None:
        settings, clock, post = self.settings, self.clock, self._driver.post
        media_directory = media_directory_of(settings.media, settings.database_url)
        calls_wait = settings.survive.calls and carries_on(media_directory)
        store = await opened(settings.database_url, settings.media.grace_seconds if calls_wait else 0.0, stop)
        self._closers.append(store.close)
        memory = Memory(store, clock, post)
        self._closers.append(memory.finish)
        journal = self._journal()
        self._closers.append(self._driver.close)
        sounds = Sounds(settings, post)
        self._closers.append(sounds.close)
        catalog = await sounds.catalog(progress)
        transport = SipTransport(self._loop, self._receive, settings.tls, settings.sip_dscp)
        self._closers.append(transport.close)
        if settings.mirror is not None:
            transport.trace = mirror = await HepMirror.open(settings.mirror, clock.wall)
            self._closers.append(mirror.close)
        phones = WebPhones(transport, settings.web_phones)
        self._closers.append(phones.close)
        local_flows = (*await transport.listen(settings.listen), *await phones.listen(settings.listen))
        transport.local_flows = local_flows
        media_settings = replace(settings.media, coders=settings.codecs)
        media_house = MediaHouse(media_settings, settings.prompt_cache, post, media_directory)
        self.edges = Edges(store, memory, media_house, transport, journal, sounds, RecordingDesk(self))
        self.cores = self._make_cores(catalog, local_flows)
        if journal is not None:
            journal.begin(self.cores.engine)
        self._wire()
        self._closers.append(media_house.stop)
        try:
            await media_house.own()  # before anything is done with calls that may be another switch's
            state = await store.load_start_state(clock.wall(clock.now()))
            survivors, calls = self._follow_calls(state)
            await media_house.start()
        except MediaStartError as problem:
            raise StartError(f"The media process cannot start: {problem}.") from problem
        await self._restore(state, survivors, calls)
        self._listening = True
        edge = SipEdge(self)
        self._driver.add_effect(edge.leg_ended, records.CallDetail)
        self.edges.transport.admit = edge.admit
        self.edges.transport.connections.house.known = edge.known
        chats = ChatDesk(self)
        self._driver.add_effect(chats.told, *CHAT_COMMANDS)
        orders, dialling, supervisors = Orders(self), DialDesk(self), Supervisors(self)
        app = make_app(
            self.live,
            self.live,
            edge=edge,
            dialling=dialling,
            orders=orders,
            chats=chats,
            supervision=supervisors,
            consults=Asking(self),
            recordings=self.edges.recordings,
        )
        self.http = await start_http(app, settings.http_host, settings.http_port)
        self._closers.append(self.http.close)
        self.live.started(clock.now())

    def _journal(self) -> JournalWriter | None:
        settings = self.settings.journal
        if settings is None:
            return None
        directory = directory_of(settings, self.settings.database_url)
        journal = JournalWriter(settings, directory, self.clock.wall)
        self._closers.append(journal.close)
        return journal

    def _make_cores(self, catalog: PromptCatalog, local_flows: tuple[sip.Flow, ...]) -> Cores:
        settings, clock = self.settings, self.clock
        ids = IdSource(IdSource.start_for(clock.wall(clock.now())))
        nonce_secret = settings.sip.nonce_secret or os.urandom(32)
        sip_settings = replace(settings.sip, local_flows=local_flows, nonce_secret=nonce_secret)
        journal = self.edges.journal
        orders = strategies(queue.order for queue in settings.acd.queues)
        engine = Engine(settings.acd, ids if journal is None else NotedIds(ids, journal.lines), strategies=orders)
        return Cores(
            SipStack(sip_settings, ids, Chance(), clock.wall),
            Calls(
                settings, catalog, PortStock(shares=shares_of(settings.media)), ids, clock.wall, clock.local, os.urandom
            ),
            engine,
            engine if journal is None else RecordedEngine(engine, journal.lines),
            ids,
        )

    def read_again(self) -> None:
        """The certificate and the sounds, as their files are now."""
        self.edges.transport.certificates.reload()
        self.edges.sounds.read_again(self.cores.calls.board)

    @property
    def addresses(self) -> tuple[sip.Flow, ...]:
        """Where SIP is listened for."""
        return self.edges.transport.local_flows

    def _receive(self, event: Any) -> None:
        if not self._listening:  # before that, phones find nobody: they try again
            return
        if type(event) is sip.LoadChanged and self.live.is_stopping:
            return  # no new calls, however well the switch keeps up
        self._driver.post(event)

    # -------------------------------------------------------------- wiring

    def _wire(self) -> None:
        """Who hears what. A kind of message with several targets reaches them in this order."""
        driver, cores, edges, memory = self._driver, self.cores, self.edges, self.edges.memory
        driver.add_core(cores.stack, *_SIP_EVENTS)
        driver.add_core(cores.calls, *cores.calls.events)
        driver.add_core(cores.recorded, *_ACD_EVENTS)
        driver.add_effect(edges.transport.transmit, sip.Transmit)
        driver.add_effect(edges.transport.close_stream, sip.CloseStream)
        driver.add_effect(edges.sounds.live.make, MakeSpeech)
        driver.add_effect(edges.media.send, *_MEDIA_COMMANDS)
        driver.add_effect(memory.save_contacts, sip.SaveContacts)
        driver.add_effect(memory.record, *RECORDED)
        driver.add_effect(memory.append, *_CALL_RECORDS)
        driver.add_effect(memory.save_promise, acd.SavePromise)
        driver.add_effect(memory.find_previous, records.FindPreviousAgent)
        driver.add_effect(self.tally.count, *Tally.COUNTED)
        fetcher = CertificateFetcher(self.settings.sip.stir, driver.post)
        self._closers.append(fetcher.close)
        driver.add_effect(fetcher.fetch, FetchCertificate)
        names = NameService(self._loop, driver.post, self.settings.sip.name_servers)
        self._closers.append(names.close)
        driver.add_effect(names.look_up, Lookup)
        phones = PhoneWatch(driver.post)
        driver.add_effect(phones.changed, sip.RegistrationChanged)
        driver.add_effect(phones.answering, sip.PhoneAnswering)
        driver.add_effect(note_trunk, sip.TrunkAnswering)
        driver.add_effect(note_silence, AudioSilent)
        driver.add_effect(Lamps(cores.engine, driver.post).hear, *Lamps.heard)
        driver.add_core(RecordingOrders(cores.calls), RecordingOrder)
        self._closers.append(edges.recordings.start())
        driver.add_effect(edges.recordings.ended, media.RecordingEnded)
        driver.add_effect(edges.recordings.problem, media.RecordingProblem)
        driver.add_effect(self._leg_written, records.CallDetail)
        driver.add_effect(write_down, SupervisionNoted)
        driver.add_effect(SecurityLog(self._loop.time).write, sip.SecurityEvent)

    def _follow_calls(self, state: records.StartState) -> tuple[Survivors | None, tuple[LiveCall, ...]]:
        """Calls of the process before are known from here on, and this one keeps its own; None: they end with it."""
        cores, driver, store = self.cores, self._driver, self.edges.store
        if not self.settings.survive.calls:
            Survivors.forget(store, state)
            return None, ()
        live = LiveCalls(cores.calls, cores.stack.established)
        survivors = Survivors(store, self.clock, live, driver.post)
        self._closers.append(survivors.close)
        driver.add_effect(survivors.leg_changed, *Survivors.OF_LEGS)
        driver.add_effect(survivors.queued, records.InteractionQueued)
        calls = survivors.restore(state, cores.ids)
        note_missing(calls, self.settings)
        return survivors, calls

    def _leg_written(self, detail: records.CallDetail) -> None:
        if self.cores.calls.board.idle:
            self._last_leg_written.set()

    # -------------------------------------------------------------- memory

    async def _restore(
        self, state: records.StartState, survivors: Survivors | None, calls: tuple[LiveCall, ...]
    ) -> None:
        """Registrations, agents' states, calls and open promises, as they were."""
        now = self.clock.now()
        dialled = DialDesk(self)
        await dialled.restore(calls)
        self._closers.append(dialled.start())
        bindings = tuple(self.edges.memory.binding(stored) for stored in state.contacts)
        registered = {binding.agent for binding in bindings}
        known = {agent.id for agent in self.settings.acd.agents}
        for record in state.agents:
            if record.agent in known:
                self._driver.post(self.edges.memory.agent_restored(record, record.agent in registered))
        self._driver.post(sip.ContactsRestored(tuple(each for each in bindings if each.agent in known)))
        for agent in sorted(registered - self.cores.calls.board.contacts.keys()):
            self._driver.post(acd.PhoneLost(agent))  # known by a TCP connection alone, which is gone
        if survivors is not None:
            survivors.resume(state)
        still_here = survivors_of(calls)
        for promise in state.promises:
            self._driver.post(self.edges.memory.promise_restored(promise))
        lost = tuple(each for each in state.lost if each.interaction not in still_here)
        called_back = self._call_back_lost(lost, now)
        close_left_open(state, calls, called_back, self.settings.sip.trunks, self.cores.ids, self._driver.post)

    def _call_back_lost(self, lost: tuple[records.LostCaller, ...], now: float) -> frozenset[InteractionId]:
        """Who waited when the switch died is called back, in order, where his queue does so."""
        called_back: list[InteractionId] = []
        queues = {queue.id for queue in self.settings.acd.queues if queue.call_back_lost}
        calls = self.cores.calls
        for caller in lost:
            if caller.queue in queues and calls.can_call(caller.caller, now):
                called_back.append(caller.interaction)
                waited = max(self.clock.wall(now) - caller.entered_at, 0.0)
                self._driver.post(
                    acd.CallBackRequested(
                        caller.interaction,
                        caller.queue,
                        caller.caller,
                        caller.customer,
                        caller.language,
                        fresh=True,
                        because="we lost you",
                        waited_seconds=waited,
                    )
                )
        return frozenset(called_back)

    # -------------------------------------------------------------- orders from outside

    def post(self, event: Any) -> None:
        self._driver.post(event)

    @property
    def broken(self) -> int:
        return self._driver.broken + self._driver.unrouted

    # -------------------------------------------------------------- stop

    async def stop(self) -> None:
        """No new calls, BYE to everybody, everything written; at most some ten seconds."""
        self.live.stopping()
        self._driver.post(sip.LoadChanged(True, stopping=True))
        board = self.cores.calls.board
        board.ports.clear()  # without a port no new leg: nobody is rung any more, whoever becomes free meanwhile
        self._last_leg_written.clear()
        for leg in board.live_legs():
            self._driver.post(sip.Hangup(leg.id, 'Q.850;cause=38;text="Switch is stopping"'))
        if not board.idle:
            try:
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self._last_leg_written.wait()
            except TimeoutError:
                log.warning("legs did not end in time", legs=board.leg_count)
                self._driver.post(media.MediaLost())  # their packet counts are waited for no longer
        await self._leave_carriers()
        await self._close_all()

    async def _leave_carriers(self) -> None:
        """They shall not send us calls any more. A carrier that does not answer is not waited for long."""
        left = asyncio.Event()
        self._driver.add_effect(lambda event: left.set(), sip.CarriersLeft)
        self._driver.post(sip.LeaveCarriers())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await left.wait()

    async def _close_all(self) -> None:
        while self._closers:
            closing = self._closers.pop()()
            if asyncio.iscoroutine(closing):
                await closing
