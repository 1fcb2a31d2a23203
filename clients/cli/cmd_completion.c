/* SPDX-License-Identifier: MPL-2.0
 *
 * roost completion bash|zsh: scripts for the shells, made of the command table, so that they know
 * what this version knows. Pure text: nothing is asked of a broker while somebody types.
 */
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"

/* The second words of a group, or the options of a command, with blanks between. */
static void print_second_words(const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; commands[i]; i++) {
        if (strncmp(commands[i]->name, word, size) == 0 && commands[i]->name[size] == ' ')
            (void)printf("%s ", commands[i]->name + size + 1);
    }
}

static void print_option_words(const struct option_row *rows)
{
    for (; rows && rows->name; rows++)
        (void)printf("--%s ", rows->name);
}

/* A word that begins a command, the first time it comes. */
static bool is_first_of_its_word(size_t index, char ret_word[64])
{
    size_t size = strcspn(commands[index]->name, " ");
    (void)snprintf(ret_word, 64, "%.*s", (int)size, commands[index]->name);
    for (size_t i = 0; i < index; i++) {
        if (strcspn(commands[i]->name, " ") == size &&
            strncmp(commands[i]->name, commands[index]->name, size) == 0)
            return false;
    }
    return true;
}

static void print_first_words(void)
{
    char word[64];
    for (size_t i = 0; commands[i]; i++) {
        if (is_first_of_its_word(i, word))
            (void)printf("%s ", word);
    }
}

/* Options whose value is a file. */
static void print_file_options(void)
{
    char seen[2048] = "|";
    for (size_t i = 0; commands[i]; i++) {
        for (const struct option_row *row = commands[i]->options; row && row->name; row++) {
            char name[64];
            (void)snprintf(name, sizeof(name), "|--%s|", row->name);
            bool is_path = row->argument && (strcmp(row->argument, "FILE") == 0 ||
                                             strcmp(row->argument, "DIR") == 0);
            if (!is_path || strstr(seen, name) || strlen(seen) + strlen(name) >= sizeof(seen))
                continue;
            (void)strncat(seen, name + 1, sizeof(seen) - strlen(seen) - 1);
            (void)printf("--%s|", row->name);
        }
    }
    (void)printf("--password-file");
}

static void print_tables(void)
{
    char word[64];
    (void)printf("    local first='");
    print_first_words();
    (void)puts("'");
    (void)puts("    local second='' options=''\n    case \"$one\" in");
    for (size_t i = 0; commands[i]; i++) {
        if (!is_first_of_its_word(i, word) || !command_is_group(word))
            continue;
        (void)printf("    %s) second='", word);
        print_second_words(word);
        (void)puts("' ;;");
    }
    (void)puts("    help) second=\"$first\" ;;\n    completion) second='bash zsh' ;;\n    esac");
    (void)puts("    case \"$one $two\" in");
    for (size_t i = 0; commands[i]; i++) {
        bool is_single = strchr(commands[i]->name, ' ') == NULL;
        if (!commands[i]->options)
            continue;
        (void)printf("    '%s'%s) options='", commands[i]->name, is_single ? "' '*" : "");
        print_option_words(commands[i]->options);
        (void)puts("' ;;");
    }
    (void)printf("    esac\n    options=\"$options");
    print_option_words(common_options);
    (void)puts("\"");
}

static void print_bash(void)
{
    (void)puts(
        "# bash completion of roost; made by 'roost completion bash'\n"
        "_roost()\n{\n"
        "    local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
        "    local one='' two='' i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case \"${COMP_WORDS[i]}\" in\n"
        "        -*) ;;\n"
        "        *) if [[ -z $one ]]; then one=\"${COMP_WORDS[i]}\"\n"
        "           elif [[ -z $two ]]; then two=\"${COMP_WORDS[i]}\"; fi ;;\n"
        "        esac\n"
        "    done");
    print_tables();
    (void)printf("    case \"$before\" in\n    ");
    print_file_options();
    (void)puts(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n    esac\n"
               "    case \"$word\" in\n"
               "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); return ;;\n"
               "    esac\n"
               "    if [[ -z $one ]]; then COMPREPLY=($(compgen -W \"$first\" -- \"$word\"))\n"
               "    elif [[ -z $two && -n $second ]]; then\n"
               "        COMPREPLY=($(compgen -W \"$second\" -- \"$word\"))\n"
               "        [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
               "    else COMPREPLY=($(compgen -f -- \"$word\")); fi\n"
               "}\n"
               "complete -o filenames -o bashdefault -F _roost roost");
}

static void print_zsh(void)
{
    (void)puts("#compdef roost\n"
               "# zsh completion of roost; made by 'roost completion zsh'\n"
               "_roost()\n{\n"
               "    local word=\"${words[CURRENT]}\" before=\"${words[CURRENT-1]}\"\n"
               "    local one='' two='' i\n"
               "    for ((i = 2; i < CURRENT; i++)); do\n"
               "        case \"${words[i]}\" in\n"
               "        -*) ;;\n"
               "        *) if [[ -z $one ]]; then one=\"${words[i]}\"\n"
               "           elif [[ -z $two ]]; then two=\"${words[i]}\"; fi ;;\n"
               "        esac\n"
               "    done");
    print_tables();
    (void)printf("    case \"$before\" in\n    ");
    print_file_options();
    (void)puts(
        ") _files; return ;;\n    esac\n"
        "    if [[ $word == -* ]]; then compadd -- ${=options}\n"
        "    elif [[ -z $one ]]; then compadd -- ${=first}\n"
        "    elif [[ -z $two && -n $second ]]; then compadd -- ${=second} || _files\n"
        "    else _files; fi\n"
        "}\n"
        "if [[ $funcstack[1] == _roost ]]; then _roost \"$@\"; else compdef _roost roost; fi");
}

static enum exit_code run_completion(struct cli *cli)
{
    if (strcmp(cli->positional[0], "bash") == 0)
        print_bash();
    else if (strcmp(cli->positional[0], "zsh") == 0)
        print_zsh();
    else {
        complain(cli, "there is completion for bash and zsh");
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static const char *const examples[] = {
    "source <(roost completion bash)          # for this shell; or put it into ~/.bashrc",
    "roost completion bash > ~/.local/share/bash-completion/completions/roost",
    "roost completion zsh > ~/.zfunc/_roost   # a directory of $fpath", NULL};

const struct command completion_command = {
    .name = "completion",
    .summary = "a script that completes commands and options",
    .usage = "bash|zsh",
    .positional_min = 1,
    .positional_max = 1,
    .examples = examples,
    .run = run_completion,
};
