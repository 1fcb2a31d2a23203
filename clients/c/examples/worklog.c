/* SPDX-License-Identifier: MPL-2.0
 *
 * A work log: jobs in a queue, workers that share them, and a log of what was done.
 *
 *     roost_worklog [--url URL] add QUEUE NAME JOB...     puts jobs into the queue
 *     roost_worklog [--url URL] work QUEUE NAME [COUNT]   does COUNT jobs, or all that come
 *     roost_worklog [--url URL] show QUEUE NAME           what was done, and what waits
 *
 * Start as many workers as you like, in Python, C or JavaScript: each job goes to one of them. Kill
 * one in the middle of a job: another one does it. To do real work, write it into do_job. A broker
 * must run (roostd).
 *
 *     cc worklog.c $(pkg-config --cflags --libs roost) -o worklog
 */
#include <roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS         10000
#define TEXT_BYTES_MAX  4096
#define SCOPE_BYTES_MAX 300

struct worklog {
    struct roost *roost;
    const char *name;
    char queue[SCOPE_BYTES_MAX]; /* "queue:NAME" */
    char log[SCOPE_BYTES_MAX];   /* "topic:NAME.done" */
};

/* The work. What it writes to `result` goes to the log; false: the job is tried again later, and
 * after some tries it is given up (a dead letter). */
static bool do_job(const char *job, char *result, size_t size)
{
    if (strncmp(job, "fail", 4) == 0)
        return false;
    (void)snprintf(result, size, "%zu bytes", strlen(job));
    return true;
}

static enum roost_error add(struct worklog *worklog, char **jobs)
{
    for (; *jobs; jobs++) {
        struct roost_outgoing message = {
            .scope = worklog->queue, .body = *jobs, .body_size = strlen(*jobs)};
        struct roost_sent sent;
        enum roost_error error = roost_send_wait(worklog->roost, &message, WAIT_MS, &sent);
        if (error)
            return error;
        printf("%s adds %s as number %llu\n", worklog->name, *jobs, (unsigned long long)sent.seq);
    }
    return ROOST_OK;
}

/* The id of the log entry follows from that of the job: a worker that does a job again, because it
 * was killed before it could say so, does not log it twice. */
static enum roost_error log_job(struct worklog *worklog, const struct roost_message *job,
                                const char *text)
{
    uint8_t id[ROOST_ID_BYTES];
    struct roost_outgoing message = {.scope = worklog->log,
                                     .body = text,
                                     .body_size = strlen(text),
                                     .message_id = id,
                                     .parent_id = job->message_id};
    memcpy(id, job->message_id, sizeof(id));
    id[ROOST_ID_BYTES - 1] ^= 1;
    enum roost_error error = roost_send_wait(worklog->roost, &message, WAIT_MS, NULL);
    return error == ROOST_DUPLICATE ? ROOST_OK : error;
}

/* Does one job; *done: it was done and logged. */
static enum roost_error work_on(struct worklog *worklog, const struct roost_message *message,
                                bool *done)
{
    char job[TEXT_BYTES_MAX], result[TEXT_BYTES_MAX], text[3 * TEXT_BYTES_MAX];
    (void)snprintf(job, sizeof(job), "%.*s", (int)message->body_size, (const char *)message->body);
    printf("%s does %s, try %u\n", worklog->name, job, message->attempt);
    *done = do_job(job, result, sizeof(result));
    if (!*done)
        return roost_fail(message, 0, "the job says so");
    (void)snprintf(text, sizeof(text), "%s did %s: %s", worklog->name, job, result);
    enum roost_error error = log_job(worklog, message, text);
    /* Only now: what is logged is done, what is not logged is done again. */
    return error ? error : roost_ack(message);
}

/* One job at a time (window_messages), so that the others get theirs. */
static enum roost_error work(struct worklog *worklog, char **rest)
{
    struct roost_attach_options options = {.scope = worklog->queue, .window_messages = 1};
    struct roost_consumer *consumer;
    unsigned long left = *rest ? strtoul(*rest, NULL, 10) : ~0ul;
    enum roost_error error = roost_attach(worklog->roost, &options, WAIT_MS, &consumer);
    while (!error && left > 0) {
        const struct roost_message *message;
        bool done = false;
        error = roost_receive(consumer, ROOST_FOREVER, &message);
        if (error)
            break;
        error = work_on(worklog, message, &done);
        roost_message_destroy(&message);
        if (!error && done) {
            error = roost_confirm(consumer, WAIT_MS, NULL);
            left--;
        }
    }
    return error;
}

static enum roost_error show(struct worklog *worklog, char **rest)
{
    struct roost_query history = {.kind = ROOST_QUERY_HISTORY, .scope = worklog->log};
    struct roost_query inspect = {.kind = ROOST_QUERY_INSPECT, .scope = worklog->queue};
    struct roost_page *page;
    enum roost_error error;
    bool has_more = true;
    (void)rest;
    while (has_more) {
        if ((error = roost_query(worklog->roost, &history, WAIT_MS, &page)))
            return error;
        for (size_t i = 0; i < page->message_count; i++)
            printf("%.*s\n", (int)page->messages[i]->body_size,
                   (const char *)page->messages[i]->body);
        history.after_seq = page->next_seq;
        has_more = page->has_more;
        roost_page_destroy(&page);
    }
    if ((error = roost_query(worklog->roost, &inspect, WAIT_MS, &page)))
        return error;
    for (size_t i = 0; i < page->consumer_count; i++)
        printf("%llu jobs wait, %llu were given up\n",
               (unsigned long long)page->consumers[i].waiting,
               (unsigned long long)page->consumers[i].dead);
    roost_page_destroy(&page);
    return ROOST_OK;
}

static const struct command {
    const char *name;
    enum roost_error (*run)(struct worklog *worklog, char **rest);
} commands[] = {{"add", add}, {"work", work}, {"show", show}};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int run(const char *url, char **words)
{
    struct worklog worklog = {.name = words[2]};
    struct roost_options options = {.url = url, .peer = worklog.name};
    size_t i = 0;
    while (i < COMMAND_COUNT && strcmp(commands[i].name, words[0]) != 0)
        i++;
    if (i == COMMAND_COUNT) {
        fprintf(stderr, "there is no command %s\n", words[0]);
        return 2;
    }
    (void)snprintf(worklog.queue, sizeof(worklog.queue), "queue:%s", words[1]);
    (void)snprintf(worklog.log, sizeof(worklog.log), "topic:%s.done", words[1]);
    enum roost_error error = roost_open(&options, &worklog.roost);
    if (!error)
        error = roost_connect_wait(worklog.roost, WAIT_MS);
    if (!error)
        error = commands[i].run(&worklog, words + 3);
    roost_close(&worklog.roost, WAIT_MS);
    if (error)
        fprintf(stderr, "worklog: %s (%s)\n", roost_error_text(error), roost_error_name(error));
    return error != ROOST_OK;
}

int main(int argc, char **argv)
{
    const char *url = NULL;
    int first = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2 && strcmp(argv[1], "--url") == 0) {
        url = argv[2];
        first = 3;
    }
    if (argc - first < 3) {
        fprintf(stderr,
                "usage: roost_worklog [--url URL] add|work|show QUEUE NAME [JOB...|COUNT]\n");
        return 2;
    }
    return run(url, argv + first);
}
