/* SPDX-License-Identifier: MPL-2.0
 *
 * The smallest complete program: sends one message to "bob", who is away, then comes as "bob" and
 * reads it. Run a broker first (roostd), then: roost_hello [tcp://HOST:PORT]
 *
 *     cc hello.c $(pkg-config --cflags --libs roost) -o hello
 */
#include <roost.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what, enum roost_error error)
{
    fprintf(stderr, "%s: %s (%d): %s\n", what, roost_error_name(error), (int)error,
            roost_error_text(error));
    return 1;
}

static int send_one(const char *url)
{
    struct roost *roost;
    enum roost_error error =
        roost_open(&(struct roost_options){.url = url, .peer = "alice"}, &roost);
    if (error)
        return fail("open", error);

    const char *text = "Hello, whenever you are back.";
    struct roost_outgoing message = {
        .scope = "peer:bob",
        .body = text,
        .body_size = strlen(text),
    };
    struct roost_sent sent;
    error = roost_send_wait(roost, &message, 5000, &sent);
    if (error == ROOST_OK)
        printf("stored on disk as number %llu\n", (unsigned long long)sent.seq);
    roost_close(&roost, 1000);
    return error ? fail("send", error) : 0;
}

static int receive_all(const char *url)
{
    struct roost *roost;
    struct roost_consumer *consumer;
    const struct roost_message *message;
    enum roost_error error = roost_open(&(struct roost_options){.url = url, .peer = "bob"}, &roost);
    if (error)
        return fail("open", error);

    error =
        roost_attach(roost, &(struct roost_attach_options){.scope = "peer:bob"}, 5000, &consumer);
    while (!error && (error = roost_receive(consumer, 1000, &message)) == ROOST_OK) {
        printf("%s says: %.*s\n", message->sender, (int)message->body_size,
               (const char *)message->body);
        roost_ack(message); /* done with it: the broker may forget it */
        roost_message_destroy(&message);
    }
    roost_close(&roost, 1000);
    return error == ROOST_TIMEOUT ? 0 : fail("receive", error);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : ROOST_DEFAULT_URL;
    int result = send_one(url);
    return result ? result : receive_all(url);
}
