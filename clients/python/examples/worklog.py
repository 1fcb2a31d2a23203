# SPDX-License-Identifier: MPL-2.0
"""A work log: jobs in a queue, workers that share them, and a log of what was done.

usage: worklog.py [--url URL] add QUEUE NAME JOB...     puts jobs into the queue
       worklog.py [--url URL] work QUEUE NAME [COUNT]   does COUNT jobs, or all that come
       worklog.py [--url URL] show QUEUE NAME           what was done, and what waits

Start as many workers as you like, in Python, C or JavaScript: each job goes to one of them. Kill one
in the middle of a job: another one does it. To do real work, write it into do_job. A broker must run
(roostd).
"""
import argparse
import sys

import roost


class JobFailed(Exception):
    """The job is tried again later; after some tries it is given up (a dead letter)."""


def do_job(job):
    """The work. What it returns goes to the log."""
    if job.startswith("fail"):
        raise JobFailed("the job says so")
    return f"{len(job.encode())} bytes"


def log_id(message_id):
    """The id of the log entry follows from that of the job: a worker that does a job again, because
    it was killed before it could say so, does not log it twice."""
    return message_id[:-1] + bytes([message_id[-1] ^ 1])


def add(client, queue, jobs):
    for job in jobs:
        stored = client.send(f"queue:{queue}", job)
        print(f"{client.peer} adds {job} as number {stored.seq}", flush=True)


def work(client, queue, count):
    """One job at a time (window=1), so that the others get theirs."""
    inbox = client.attach(f"queue:{queue}", window=1)
    while count > 0:
        received = inbox.receive()
        job = received.text
        print(f"{client.peer} does {job}, try {received.attempt}", flush=True)
        try:
            result = do_job(job)
        except JobFailed as error:
            received.fail(str(error))
            continue
        client.send(f"topic:{queue}.done", f"{client.peer} did {job}: {result}",
                    message_id=log_id(received.message_id), parent_id=received.message_id)
        received.ack()    # only now: what is logged is done, what is not logged is done again
        inbox.confirm()
        count -= 1


def show(client, queue):
    after_seq, has_more = 0, True
    while has_more:
        page = client.history(scope=f"topic:{queue}.done", after_seq=after_seq)
        for message in page.items:
            print(message.text)
        after_seq, has_more = page.next_seq, page.has_more
    for info in client.query("INSPECT", "consumers", scope=f"queue:{queue}").items:
        print(f"{info.waiting} jobs wait, {info.dead} were given up")


def main():
    parser = argparse.ArgumentParser(description="a work log")
    parser.add_argument("command", choices=("add", "work", "show"))
    parser.add_argument("queue")
    parser.add_argument("name", help="who you are")
    parser.add_argument("rest", nargs="*", help="add: the jobs; work: how many")
    parser.add_argument("--url", default=roost.DEFAULT_URL)
    options = parser.parse_args()
    try:
        with roost.connect(options.url, options.name) as client:
            if options.command == "add":
                add(client, options.queue, options.rest)
            elif options.command == "work":
                count = int(options.rest[0]) if options.rest else float("inf")
                work(client, options.queue, count)
            else:
                show(client, options.queue)
    except (roost.RoostError, ValueError) as error:
        sys.exit(f"worklog: {error}")
    except KeyboardInterrupt:
        pass    # what was not acknowledged comes again


if __name__ == "__main__":
    main()
