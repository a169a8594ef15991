"""Players of a voice room in real browsers."""

import time

from harness import wait_until


class Player:
    """The shipped page in a tab."""

    def __init__(self, browser, sluice, room, name, before=None, query=""):
        self.name = name
        self.sluice = sluice
        self.page = browser.open(f"{sluice.join_url}/?room={room}&name={name}&autojoin=1{query}", before)

    def state(self):
        return self.page.run("window.sluice?.state ?? 'loading'")

    def stats(self):
        return self.page.run("window.sluice.stats()")

    def wait_for_state(self, wanted, timeout=15):
        try:
            wait_until(lambda: self.state() == wanted, f"{self.name} is {wanted}", timeout)
        except AssertionError as error:
            print(f"--- the proxy:\n{self.sluice.log()}")
            text = f"{self.text('status')} {self.problem()}".strip()
            raise AssertionError(f"{error}; it is {self.state()}, and the page says: {text or 'nothing'}") from None

    def heard(self):
        """CSRCs of the players that this one currently receives."""
        return set(self.page.run("[...window.sluice.voices().keys()]"))

    def click(self, element):
        self.page.run(f"document.getElementById('{element}').click()")

    def text(self, element):
        return self.page.run(f"document.getElementById('{element}')?.textContent ?? ''")

    def note(self, name):
        """The page's note below a player's name."""
        return self.page.run(f"document.querySelector('li[data-name={name}] .note')?.textContent")

    def problem(self):
        """The page's error message; empty if there is none."""
        return self.page.run("document.getElementById('problem-text')?.textContent ?? ''")


def received_shares(one, other, seconds):
    """For each of two players, over the same time: the share of the other's packets that it receives, and the energy that it
    plays meanwhile."""
    before = [player.stats() for player in (one, other)]
    time.sleep(seconds)
    after = [player.stats() for player in (one, other)]
    rise = lambda player, name: after[player][name] - before[player][name]
    return [(rise(receiver, "packetsReceived") / rise(1 - receiver, "packetsSent"), rise(receiver, "totalAudioEnergy"))
            for receiver in (0, 1)]
