"""The music of a queue: one file, or a folder of them."""

from __future__ import annotations

from softswitch.call.prompts import AUDIO_SUFFIXES, MOST_PIECES, folder_of_music
from softswitch.config.kinds import Keys, Kind, OneOf, Schema, SchemaParts, Section, Text, key, made, section
from softswitch.config.problems import Placed, Report, did_you_mean
from softswitch.config.references import Known
from softswitch.config.tree import Mapping, Node
from softswitch.config.values import NOTHING


@section
class MusicDoc(Section):
    """A folder of audio files, one after another without a gap; each caller goes on where he heard it last."""

    folder: Placed = key(Text("a folder"), "the folder, relative to this directory", NOTHING)
    order: Placed = key(
        OneOf("in_turn", "shuffled"),
        "in_turn: by name; shuffled: for each caller in another order",
        Placed("in_turn", NOTHING.place),
    )
    file: Placed = NOTHING  # written as one word


class MusicKind(Kind[MusicDoc]):
    """`waltz.ogg`, or { folder: music/calm, order: shuffled }."""

    def __init__(self) -> None:
        self._keys = Keys(MusicDoc, "music")
        self._text = Text("an audio file")
        super().__init__(self._keys.blank)

    def read(self, node: Node, report: Report) -> MusicDoc:
        if isinstance(node, Mapping):
            doc = self._keys.read(node, report)
            if "folder" not in doc.places:
                report.add(node.place, "music needs the key folder; one file is written as music: waltz.ogg")
            return doc
        return made(MusicDoc, node.place, file=self._text.read(node, report))

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [self._text.schema(parts), self._keys.schema(parts)]}


MUSIC = MusicKind()


def build_music(doc: MusicDoc | None, known: Known) -> str:
    """What `call.prompts.music_segment` makes the music of; "": the built-in melody."""
    if doc is None:
        return ""
    if doc.file:
        return known.audio(doc.file)
    if not doc.folder:
        return ""
    _check_folder(doc.folder, known)
    return folder_of_music(str(doc.folder).rstrip("/"), shuffled=doc.order == "shuffled")


def _check_folder(folder: Placed, known: Known) -> None:
    top = known.directory.resolve()
    full = (known.directory / folder).resolve()
    if not full.is_relative_to(top):
        known.report.add(folder.place, f'"{folder}" is outside of the configuration directory')
    elif not full.is_dir():
        near = [str(each.relative_to(top)) for each in sorted(full.parent.glob("*"))[:500] if each.is_dir()]
        known.report.add(folder.place, f'the folder "{folder}" does not exist{did_you_mean(folder, near)}')
    else:
        pieces = [each for each in full.iterdir() if each.suffix.lower() in AUDIO_SUFFIXES]
        if not pieces:
            known.report.add(folder.place, f'no audio file is in the folder "{folder}"')
        elif len(pieces) > MOST_PIECES:
            known.report.add(folder.place, f'"{folder}" holds {len(pieces)} pieces; at most {MOST_PIECES} are played')
