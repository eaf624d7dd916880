"""A timer that epoll can wait for together with the sockets, exact to some microseconds (timerfd_create(2)).

epoll's own timeout counts whole milliseconds, which is too coarse to pace audio and would cost a second wake-up.
"""

from __future__ import annotations

import ctypes
import os
import time

_libc = ctypes.CDLL(None, use_errno=True)
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = os.O_CLOEXEC
_TFD_TIMER_ABSTIME = 1


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class Alarm:
    """Readable from `time.monotonic() == at` on, until it is set anew."""

    __slots__ = ("_at", "_spec", "_spec_pointer", "_value", "fd")

    def __init__(self) -> None:
        self.fd: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _TimerSpec()
        self._value = self._spec.value
        self._spec_pointer = ctypes.byref(self._spec)
        self._at = 0.0

    def set(self, at: float) -> None:
        """Ring at this time of the monotonic clock; 0: not at all. Setting the same time again costs nothing."""
        if at == self._at:
            return
        self._at = at
        seconds = int(at)
        self._value.seconds = seconds
        self._value.nanoseconds = int((at - seconds) * 1e9)
        if _libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, self._spec_pointer, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        os.close(self.fd)
