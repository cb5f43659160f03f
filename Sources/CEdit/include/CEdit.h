#pragma once
// A line editor with history, over libedit: its own functions are variadic, which Swift cannot call.

typedef struct olv_editor olv_editor;

/// Opens an editor on standard input and output. Keeps up to `limit` entries of history, read from `path` where that is
/// not NULL. Gives NULL where there is no memory for it.
olv_editor *olv_editor_open(const char *path, int limit);

/// Reads one line behind `prompt`, which may hold escape sequences between bytes of value 1.
/// Gives the line with its line end, valid until the next call; NULL at the end of input, and NULL with
/// `*interrupted` = 1 where a signal broke it off. `*length` counts bytes.
const char *olv_editor_read(olv_editor *editor, const char *prompt, int *length, int *interrupted);

/// Adds an entry to the history and to its file.
void olv_editor_remember(olv_editor *editor, const char *entry);

void olv_editor_close(olv_editor *editor);
