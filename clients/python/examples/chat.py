# SPDX-License-Identifier: MPL-2.0
"""A chat in a room. What is said while you are away is shown when you come back.

usage: chat.py ROOM NAME [--url URL] [--password-file FILE]

Each line you type is a message; one that begins with / is a command, /help lists them. To add a
command, add a method do_NAME to Chat: its docstring is its help. To show another kind of message,
add a line to SHOWN. A broker must run (roostd); the other examples do with less.
"""
import argparse
import sys
import threading

import roost

NO_SUCH_SCOPE = 3002   # all codes: docs/ERRORS.md

SHOWN = {
    roost.Kind.TEXT: "{sender}: {text}",
    roost.Kind.EDIT: "{sender} means: {text}",
    roost.Kind.DELETE: "{sender} takes a message back",
    roost.Kind.REACTION: "{sender} reacts: {text}",
}


def say(line):
    """What others wrote must not move the cursor about: only letters, no control characters."""
    print("".join(letter if letter.isprintable() else "?" for letter in line), flush=True)


class Chat:
    def __init__(self, client, room):
        self.client, self.room, self.scope = client, room, f"room:{room}"
        self.last_id = None    # of the last message that was typed here

    def enter(self):
        """Joins the room, or makes it when there is none yet."""
        try:
            self.client.join(self.room)
        except roost.RoostError as error:
            if error.code != NO_SUCH_SCOPE:
                raise
            self.client.create_room(self.room)
        # A consumer of this name stays in the broker while we are away, and so does what it is due.
        self.inbox = self.client.attach(self.scope, "chat")
        say(f"* you are in {self.room}; {self.inbox.waiting_at_attach} messages came meanwhile")

    def listen(self):
        """Shows what comes, until the client is closed. Runs in a thread of its own."""
        try:
            for received in self.inbox:
                if received.sender != self.client.peer:
                    self.show(received.message)
                received.ack()    # shown: it does not come again
        except roost.RoostError as error:
            say(f"* nothing is shown any more: {error}")    # this name chats somewhere else

    def show(self, message):
        shown = SHOWN.get(message.kind, "{sender} sends something of kind {kind}")
        say(shown.format(sender=message.sender, text=message.text, kind=message.kind))

    def typed(self, line):
        """One line of the keyboard; False ends the chat."""
        if not line.startswith("/"):
            self.last_id = self.client.send(self.scope, line).message_id
            return True
        name, _, rest = line[1:].partition(" ")
        command = getattr(self, f"do_{name}", None)
        if command is None:
            say(f"* there is no /{name}; /help lists what there is")
            return True
        return command(rest.strip()) is not False

    # ------------------------------------------------------------ commands

    def do_help(self, _):
        """this list"""
        for name in sorted(dir(self)):
            if name.startswith("do_"):
                say(f"* /{name[3:]:8} {getattr(self, name).__doc__}")

    def do_who(self, _):
        """who is in the room"""
        for member in self.client.members(self.room).items:
            state = "here" if member.is_online else "away"
            say(f"* {member.peer}, {member.role.name.lower()}, {state}")

    def do_topic(self, text):
        """what the room talks about; with a text: that from now on"""
        if text:
            self.client.update_room(self.room, topic=text)
        for room in self.client.rooms(mine_only=True).items:
            if room.name == self.room:
                say(f"* topic: {room.topic or '(none)'}")

    def do_invite(self, words):
        """NAME TEXT: asks somebody into the room"""
        name, _, text = words.partition(" ")
        self.client.invite(self.room, name, text)
        say(f"* {name} was asked, and may accept with: roost --as {name} invite accept")

    def do_last(self, count):
        """COUNT: the last 10 messages, or so many"""
        page = self.client.history(scope=self.scope, newest_first=True,
                                   limit=int(count) if count.isdecimal() else 10)
        for message in reversed(page.items):
            self.show(message)

    def do_find(self, words):
        """WORDS: messages of the room with all of them"""
        for message in self.client.search(words, scope=self.scope).items:
            self.show(message)

    def do_fix(self, text):
        """TEXT: your last message shall say this instead"""
        if self.last_id is None:
            say("* you have not written anything yet")
        else:
            self.client.edit(self.last_id, text)

    def do_leave(self, _):
        """leaves the room for good: nothing waits for you any more"""
        self.client.leave(self.room)
        return False

    def do_quit(self, _):
        """goes; what is said meanwhile waits for you"""
        return False


def talk(chat):
    for line in sys.stdin:
        try:
            if line.strip() and not chat.typed(line.strip()):
                return
        except roost.RoostError as error:
            say(f"* {error}")


def main():
    parser = argparse.ArgumentParser(description="a chat in a room")
    parser.add_argument("room")
    parser.add_argument("name", help="who you are")
    parser.add_argument("--url", default=roost.DEFAULT_URL)
    parser.add_argument("--password-file", help="for a name with an account")
    options = parser.parse_args()
    password = ""
    if options.password_file:
        with open(options.password_file, encoding="utf-8") as file:
            password = file.readline().rstrip("\n")
    try:
        with roost.connect(options.url, options.name, credentials=password) as client:
            chat = Chat(client, options.room)
            chat.enter()
            threading.Thread(target=chat.listen, daemon=True).start()
            talk(chat)
            client.flush(10)
    except (roost.RoostError, ValueError) as error:
        sys.exit(f"chat: {error}")


if __name__ == "__main__":
    main()
