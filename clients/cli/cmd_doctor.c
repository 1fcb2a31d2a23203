/* SPDX-License-Identifier: MPL-2.0
 *
 * roost doctor: what is wrong, and what to do about it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/commands.h"
#include "clients/cli/doctor.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"

static const char *const levels[] = {"ok", "warn", "bad"};

void doctor_say(struct doctor *doctor, enum doctor_level level, const char *check,
                const char *advice, const char *format, ...)
{
    char text[1200], escaped[1600];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    doctor->worst = level > doctor->worst ? level : doctor->worst;
    if (doctor->cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "check", check);
        json_text(&json, "level", levels[level]);
        json_text(&json, "text", text);
        if (advice)
            json_text(&json, "advice", advice);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    if (doctor->cli->is_quiet && level == DOCTOR_OK)
        return;
    (void)printf("%-5s %-17s %s\n", levels[level], check,
                 text_escape(text, strnlen(text, sizeof(text)), escaped, sizeof(escaped)));
    if (advice)
        (void)printf("%-23s -> %s\n", "", advice);
    (void)fflush(stdout); /* some looks take a while */
}

static enum exit_code run_doctor(struct cli *cli)
{
    struct doctor doctor = {.cli = cli};
    doctor_look_at_data(&doctor);
    doctor_look_at_broker(&doctor);
    return doctor.worst == DOCTOR_BAD    ? EXIT_ERROR
           : doctor.worst == DOCTOR_WARN ? EXIT_WARNING
                                         : EXIT_OK;
}

static const struct option_row options[] = {
    DATA_OPTION,
    {"full", 'f', NULL, "read all of the database, however large it is"},
    {NULL, 0, NULL, NULL},
};

static const char *const examples[] = {"roost doctor", "roost doctor --data /var/lib/roost --quiet",
                                       "roost doctor --json | jq 'select(.level != \"ok\")'", NULL};

const struct command doctor_command = {
    .name = "doctor",
    .summary = "what is wrong, and what to do about it",
    .usage = "",
    .details = "Looks at the data directory, the disk, the lock, the database, the clock, and the\n"
               "broker: whether it answers, who listens, what waits for long, what died.\n"
               "Exit code 0: all is well, 6: there are warnings, 1: something is bad.",
    .options = options,
    .examples = examples,
    .run = run_doctor,
};
