"""Functions that carry out the events of the plan on the site, and record them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.harness.year.edits import edit
from tests.harness.year.events import Event
from tests.harness.year.world import World
from tests.site.swedish import box, day

CAPTCHA = (
    "<!doctype html><html lang='en'><head><title>Just a moment...</title></head><body><main>"
    "<h1>Verify you are human</"
    "h1><p>Please complete the"
    " captcha to continue to the"
    " site.</p></main></body></"
    "html>"
)


def publish(world: World, event: Event) -> None:
    """Publish a release that was withheld so far."""
    url = world.site.publish(world.subjects[event.subject].release)
    world.stands(event.subject, event, url)


def change(world: World, event: Event) -> None:
    """Edit a text: with an update date or not, with a new ETag or not.

    `undo` restores the previous text.
    """
    subject, how = world.subjects[event.subject], event.given
    held = subject.release
    if how.get("undo"):
        changes = world.kept.pop(event.subject)
        if "questions" in changes:
            changes["questions"] = [[qa.question, *qa.answer] for qa in changes["questions"]]
    else:
        changes = edit(held, how["how"], seed=f"{event.subject} {event.moment}")
        world.kept[event.subject] = {name: getattr(held, name) for name in changes}
    if how.get("first_stamp"):
        now = world.site.now()
        foot = held.stamp.foot + box(f"Senast uppdaterad {day(now)}")
        changes = {**changes, "stamp": replace(held.stamp, foot=foot, updated=now.date())}
    world.site.edit(
        subject.url, changes, stamped=how.get("stamped", False), noted=how.get("noted", True)
    )
    world.stands(event.subject, event)


def ruffle(world: World, event: Event) -> None:
    """Change only the markup."""
    world.site.ruffle(world.subjects[event.subject].url)
    world.stands(event.subject, event)


def delete(world: World, event: Event) -> None:
    """Remove a release.

    to: where its address redirects: "/", "listing" or another release's key.
    """
    subject, given = world.subjects[event.subject], dict(event.given)
    to = given.get("to")
    if to == "listing":
        given["to"] = world.site.agencies[subject.agency].paths.listing
    elif to in world.subjects:
        given["to"] = world.subjects[to].release.path
    world.kept[event.subject] = world.site.delete(subject.url, **given)
    world.away(event.subject, event)


def restore(world: World, event: Event) -> None:
    """Restore a removed release."""
    world.site.restore(world.kept.pop(event.subject))
    world.stands(event.subject, event)


def move(world: World, event: Event) -> None:
    """Move a release to another address. how: also edit it."""
    subject, given = world.subjects[event.subject], dict(event.given)
    how = given.pop("how", None)
    if how:
        world.site.edit(subject.url, edit(subject.release, how, seed=event.subject))
    folder, _, last = subject.release.path.rstrip("/").rpartition("/")
    ending = "/" if subject.release.path.endswith("/") else ""
    url = world.site.move(subject.url, f"{folder}/arkiverad-{last}{ending}", **given)
    world.stands(event.subject, event, url)


def redesign(world: World, event: Event) -> None:
    """Give an agency's pages another layout, or another content management system."""
    if "design" in event.given:
        world.site.redesign(event.subject, event.given["design"])
    else:
        world.site.relayout(event.subject)


def break_(world: World, event: Event) -> None:
    """Begin an outage of an agency's site."""
    sort, site = event.given["sort"], world.site
    every, robots = f"{event.subject}/*", f"{event.subject}/robots.txt"
    if sort == "no name":
        world.unknown.add(f"{event.subject}.localhost")
    elif sort == "robots no":
        site.forbid(event.subject)
    elif sort == "robots 503":
        site.break_(robots, status=503)
    elif sort == "reset":
        site.break_(every, reset=True)
    elif sort == "captcha":
        site.break_(every, body=CAPTCHA)
    elif sort == "403":
        site.break_(every, status=403, body=CAPTCHA)
    else:
        site.break_(every, status=int(sort), headers={"Retry-After": "3600"})


def mend(world: World, event: Event) -> None:
    """End an outage."""
    world.unknown.discard(f"{event.subject}.localhost")
    world.site.forbid(event.subject, ())
    for path in ("*", "robots.txt"):
        world.site.mend(f"{event.subject}/{path}")


ACTS: dict[str, Callable[[World, Event], None]] = {
    act.__name__: act
    for act in (publish, change, ruffle, delete, restore, move, redesign, break_, mend)
}


def carry_out(world: World, event: Event) -> None:
    """Carry out an event at the site's current time."""
    ACTS[event.act](world, event)
    world.happened.append(event)
