/* SPDX-License-Identifier: MPL-2.0
 *
 * What `roost help` says; all of it comes from the command table.
 */
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"

static void print_options(const char *title, const struct option_row *rows)
{
    if (!rows || !rows->name)
        return;
    (void)printf("\n%s\n", title);
    for (; rows->name; rows++) {
        char left[64];
        char letter[4] = {' ', ' ', ' ', '\0'};
        if (rows->letter) {
            letter[0] = '-';
            letter[1] = rows->letter;
            letter[2] = ',';
        }
        (void)snprintf(left, sizeof(left), "%s --%s%s%s", letter, rows->name,
                       rows->argument ? " " : "", rows->argument ? rows->argument : "");
        (void)printf("  %-29s %s\n", left, rows->summary);
    }
}

const char *const exit_meanings[] = {
    "done",
    "an error: of the broker, of the network, of a file",
    "the command line is wrong",
    "no answer, or no message, in time",
    "what was named does not exist",
    "the broker refused it",
    "there are warnings (doctor)",
    NULL,
};

static void print_exit_codes(void)
{
    (void)puts("\nExit codes");
    for (size_t i = 0; exit_meanings[i]; i++)
        (void)printf("  %zu  %s\n", i, exit_meanings[i]);
}

/* The group it is folded into; NULL when it is listed itself. */
static const struct command_group *fold_of(const struct command *command)
{
    for (const struct command_group *group = command_groups; group->word; group++) {
        size_t size = strlen(group->word);
        if (group->summary && strncmp(command->name, group->word, size) == 0 &&
            command->name[size] == ' ')
            return group;
    }
    return NULL;
}

static void print_commands(void)
{
    const struct command_group *before = NULL;
    for (size_t i = 0; commands[i]; i++) {
        const struct command_group *group = fold_of(commands[i]);
        if (!group)
            (void)printf("  %-18s %s\n", commands[i]->name, commands[i]->summary);
        else if (group != before)
            (void)printf("  %-18s %s\n", group->word, group->summary);
        before = group;
    }
}

void help_overview(void)
{
    (void)puts("roost: messages that wait until their recipient is home\n\n"
               "Usage: roost [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
               "Commands");
    print_commands();
    print_options("Options of every command", common_options);
    print_exit_codes();
    (void)puts(
        "\n'roost help COMMAND' says more about one. A scope is written peer:NAME, queue:NAME,\n"
        "topic:NAME or room:NAME; a bare NAME means peer:NAME.\n"
        "'roost help room' (invite, user, token, queue, config ...) lists the commands of a "
        "group.");
}

void help_command(const struct command *command)
{
    (void)printf("roost %s: %s\n\nUsage: roost %s [OPTIONS] %s\n", command->name, command->summary,
                 command->name, command->usage);
    if (command->details)
        (void)printf("\n%s\n", command->details);
    print_options("Options", command->options);
    print_options("Options of every command", common_options);
    if (command->examples) {
        (void)puts("\nExamples");
        for (size_t i = 0; command->examples[i]; i++)
            (void)printf("  %s\n", command->examples[i]);
    }
}

bool help_group(const char *word)
{
    size_t size = strlen(word);
    bool has_any = false;
    for (size_t i = 0; commands[i]; i++) {
        if (strncmp(commands[i]->name, word, size) != 0 || commands[i]->name[size] != ' ')
            continue;
        if (!has_any)
            (void)printf("roost %s:\n\n", word);
        has_any = true;
        (void)printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
    }
    return has_any;
}
