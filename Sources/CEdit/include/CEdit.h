#pragma once
// A line editor with history, over libedit: its own functions are variadic, which Swift cannot call.

typedef struct olv_editor olv_editor;

/// What a completion did.
enum {
  /// Nothing fits.
  OLV_NOTHING = 0,
  /// The line was changed, through `olv_editor_replace`.
  OLV_CHANGED = 1,
  /// Lines were written below the one that is edited, which is to be drawn anew.
  OLV_LISTED = 2,
};

/// Asked at the completion key: the line up to its end and the cursor in it, both in bytes of UTF-8.
typedef int (*olv_complete)(void *context, const char *line, int length, int cursor);

/// Opens an editor on standard input and output, which must be a terminal that can move its cursor. Keeps up to
/// `limit` entries of history. Reads the user's ~/.editrc. Gives NULL where there is no memory for it.
olv_editor *olv_editor_open(int limit, olv_complete complete, void *context);

/// Reads one line behind `prompt`, which may hold escape sequences between bytes of value 1 and shows `width` columns.
/// Gives the line with its line end, valid until the next call; NULL at the end of input, and NULL with
/// `*interrupted` = 1 where Ctrl-C broke it off. `*length` counts bytes. Text that is pasted may hold line ends.
const char *olv_editor_read(olv_editor *editor, const char *prompt, int width, int *length, int *interrupted);

/// Puts `text` in the place of the `count` characters before the cursor. Only while a completion is asked for.
void olv_editor_replace(olv_editor *editor, int count, const char *text);

/// Adds an entry to the history, its line ends included.
void olv_editor_remember(olv_editor *editor, const char *entry);

void olv_editor_close(olv_editor *editor);
