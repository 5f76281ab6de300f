#include "config.h"

#include "proto/command.h"

static const struct command commands[] = {
#define COMMAND(name, word, run, arguments_min, noreply) [name] = {run, arguments_min, noreply},
#include "proto/commands.def"
#undef COMMAND
};

const struct command *command_of(enum command_id id)
{
    return &commands[id];
}

/* The compiler turns each row into a comparison of sizes and one or two of integers. */
static enum command_id command_named(struct slice word)
{
#define COMMAND(name, text, run, arguments_min, noreply)                                           \
    if (word.size == sizeof(text) - 1 && memcmp(word.at, text, sizeof(text) - 1) == 0)             \
        return name;
#include "proto/commands.def"
#undef COMMAND
    return COMMAND_COUNT;
}

bool request_find_command(struct request *request)
{
    struct slice text = request->line.text;
    size_t size = 0;
    while (size < text.size && text.at[size] != ' ')
        size++;
    request->arguments = (struct slice){text.at + size, text.size - size};
    request->command = command_named((struct slice){text.at, size});
    return request->command != COMMAND_COUNT;
}
