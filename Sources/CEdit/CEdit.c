#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include "CEdit.h"
#include "CInterrupt.h"
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

struct olv_editor {
  EditLine *line;
  History *history;
  const char *prompt;
  int width;
  int pastes;
  olv_complete complete;
  void *context;
  mbstate_t state;
};

static volatile sig_atomic_t resized = 0;
static volatile sig_atomic_t continued = 0;

static void on_resize(int number) {
  (void)number;
  resized = 1;
}

static void on_continue(int number) {
  (void)number;
  continued = 1;
}

static olv_editor *editor_of(EditLine *line) {
  olv_editor *editor = NULL;
  el_get(line, EL_CLIENTDATA, &editor);
  return editor;
}

static char *prompt_of(EditLine *line) {
  olv_editor *editor = editor_of(line);
  return (char *)(editor && editor->prompt ? editor->prompt : "");
}

// Rows that the prompt and the text up to the cursor take, less one, in a terminal of so many columns.
static int rows_above(olv_editor *editor, int columns) {
  const LineInfo *info = el_line(editor->line);
  int rows = 0, column = editor->width;
  mbstate_t state = {0};
  for (const char *at = info->buffer; at < info->cursor;) {
    wchar_t wide;
    size_t count = mbrtowc(&wide, at, (size_t)(info->cursor - at), &state);
    if (count == 0 || count > 8) break;
    at += count;
    if (wide == L'\n') {
      rows += column / columns + 1;
      column = 0;
    } else {
      int width = wcwidth(wide);
      column += width > 0 ? width : 0;
    }
  }
  return rows + column / columns;
}

static void redraw(olv_editor *editor) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    int rows = rows_above(editor, size.ws_col);
    if (rows > 0) printf("\033[%dA", rows);
  }
  printf("\r\033[J");
  fflush(stdout);
  el_resize(editor->line);
  el_set(editor->line, EL_REFRESH);
}

// The next byte. 1, or 0 at the end of input, or -1 with errno EINTR where Ctrl-C was pressed.
static int next_byte(olv_editor *editor, char *byte) {
  for (;;) {
    if (olv_interrupt_pending()) {
      errno = EINTR;
      return -1;
    }
    if (continued) {
      // Whoever stopped the program has used the terminal meanwhile.
      continued = 0;
      el_set(editor->line, EL_PREP_TERM, 0);
      el_set(editor->line, EL_PREP_TERM, 1);
      el_set(editor->line, EL_REFRESH);
    }
    if (resized) {
      resized = 0;
      redraw(editor);
    }
    // A signal between the checks above and the wait is seen after a tenth of a second.
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = poll(&input, 1, 100);
    if (ready < 0 && errno != EINTR) return -1;
    if (ready <= 0) continue;
    ssize_t count = read(STDIN_FILENO, byte, 1);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    return count < 0 ? -1 : (int)count;
  }
}

static int get_character(EditLine *line, wchar_t *wide) {
  olv_editor *editor = editor_of(line);
  for (;;) {
    char byte;
    int count = next_byte(editor, &byte);
    if (count != 1) return count;
    size_t used = mbrtowc(wide, &byte, 1, &editor->state);
    if (used == (size_t)-2) continue;
    if (used == (size_t)-1) {
      // No UTF-8: it is left out.
      memset(&editor->state, 0, sizeof editor->state);
      continue;
    }
    return 1;
  }
}

static unsigned char complete_word(EditLine *line, int key) {
  (void)key;
  olv_editor *editor = editor_of(line);
  const LineInfo *info = el_line(line);
  switch (editor->complete(
      editor->context, info->buffer, (int)(info->lastchar - info->buffer), (int)(info->cursor - info->buffer))) {
  case OLV_CHANGED: return CC_REFRESH;
  case OLV_LISTED:
    el_set(line, EL_REFRESH);
    return CC_NORM;
  default: return CC_ERROR;
  }
}

// Takes what a terminal sends between the marks of a paste into the line as it is: line ends do not end it.
static unsigned char paste(EditLine *line, int key) {
  (void)key;
  static const char mark[] = "\033[201~";
  const size_t size = sizeof mark - 1;
  olv_editor *editor = editor_of(line);
  size_t count = 0, room = 4096;
  char *text = malloc(room);
  while (text) {
    if (count + 2 > room) {
      char *larger = realloc(text, room *= 2);
      if (!larger) break;
      text = larger;
    }
    if (next_byte(editor, text + count) != 1) break;
    count++;
    if (count >= size && memcmp(text + count - size, mark, size) == 0) {
      count -= size;
      break;
    }
  }
  if (!text) return CC_ERROR;
  size_t kept = 0;
  for (size_t at = 0; at < count; at++) {
    unsigned char byte = (unsigned char)text[at];
    if (byte == '\r') {
      if (at + 1 < count && text[at + 1] == '\n') continue;
      byte = '\n';
    }
    if (byte == '\t') byte = ' ';
    if ((byte < 0x20 && byte != '\n') || byte == 0x7F) continue;
    text[kept++] = (char)byte;
  }
  // The key that ends the input is the user's.
  while (kept > 0 && text[kept - 1] == '\n') kept--;
  text[kept] = '\0';
  if (kept > 0) el_insertstr(line, text);
  free(text);
  return CC_REFRESH;
}

static void bind_keys(EditLine *line) {
  static const char *const keys[][2] = {
      // As in other prompts of today: what is typed is looked for in the history.
      {"^[[A", "ed-search-prev-history"}, {"^[[B", "ed-search-next-history"}, {"^[OA", "ed-search-prev-history"},
      {"^[OB", "ed-search-next-history"}, {"^R", "em-inc-search-prev"},       {"^S", "em-inc-search-next"},
      {"^[[H", "ed-move-to-beg"},         {"^[[F", "ed-move-to-end"},         {"^[OH", "ed-move-to-beg"},
      {"^[OF", "ed-move-to-end"},         {"^[[1~", "ed-move-to-beg"},        {"^[[4~", "ed-move-to-end"},
      {"^[[3~", "ed-delete-next-char"},   {"^[[1;5C", "em-next-word"},        {"^[[1;5D", "ed-prev-word"},
      {"^W", "ed-delete-prev-word"},      {"^U", "vi-kill-line-prev"},
  };
  for (size_t index = 0; index < sizeof keys / sizeof *keys; index++)
    el_set(line, EL_BIND, keys[index][0], keys[index][1], NULL);
}

olv_editor *olv_editor_open(int limit, olv_complete complete, void *context) {
  // In the locale C, libedit drops what is not ASCII.
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");

  olv_editor *editor = calloc(1, sizeof *editor);
  if (!editor) return NULL;
  editor->complete = complete;
  editor->context = context;
  editor->line = el_init("olv", stdin, stdout, stderr);
  editor->history = history_init();
  if (!editor->line || !editor->history) {
    olv_editor_close(editor);
    return NULL;
  }
  HistEvent event;
  history(editor->history, &event, H_SETSIZE, limit);
  history(editor->history, &event, H_SETUNIQUE, 1);
  EditLine *line = editor->line;
  el_set(line, EL_CLIENTDATA, editor);
  el_set(line, EL_PROMPT_ESC, prompt_of, '\1');
  el_set(line, EL_EDITOR, "emacs");
  // With 1 libedit would send signals on to the whole process group.
  el_set(line, EL_SIGNAL, 0);
  el_set(line, EL_HIST, history, editor->history);
  el_set(line, EL_GETCFN, get_character);
  el_set(line, EL_ADDFN, "olv-complete", "Complete the word", complete_word);
  el_set(line, EL_ADDFN, "olv-paste", "Take pasted text in", paste);
  bind_keys(line);
  el_source(line, NULL);
  // ~/.editrc may have changed to the keys of vi, which starts over.
  const char *keys = NULL;
  el_get(line, EL_EDITOR, &keys);
  int is_vi = keys && strcmp(keys, "vi") == 0;
  el_set(line, EL_BIND, "^I", "olv-complete", NULL);
  if (is_vi) {
    el_set(line, EL_BIND, "^R", "em-inc-search-prev", NULL);
  } else {
    el_set(line, EL_BIND, "^[[200~", "olv-paste", NULL);
    editor->pastes = 1;
  }
  // The wait for input ends on a signal also so; nothing else of the program may.
  olv_signal_handle(SIGWINCH, on_resize, SA_RESTART);
  olv_signal_handle(SIGCONT, on_continue, SA_RESTART);
  return editor;
}

const char *olv_editor_read(
    olv_editor *editor, const char *prompt, int width, int *length, int *interrupted) {
  editor->prompt = prompt;
  editor->width = width;
  *length = 0;
  *interrupted = 0;
  if (resized) {
    resized = 0;
    el_resize(editor->line);
  }
  continued = 0;
  if (editor->pastes) printf("\033[?2004h");
  fflush(stdout);
  // Before the prompt is shown: what is typed right after it must not be echoed twice.
  el_set(editor->line, EL_PREP_TERM, 1);
  errno = 0;
  const char *text = el_gets(editor->line, length);
  if (!text && (*length == -1 || errno == EINTR)) {
    *interrupted = olv_interrupt_pending() || errno == EINTR;
    *length = 0;
    memset(&editor->state, 0, sizeof editor->state);
    el_reset(editor->line);
  }
  if (editor->pastes) printf("\033[?2004l");
  fflush(stdout);
  return text;
}

void olv_editor_replace(olv_editor *editor, int count, const char *text) {
  if (count > 0) el_deletestr(editor->line, count);
  if (*text) el_insertstr(editor->line, text);
}

void olv_editor_remember(olv_editor *editor, const char *entry) {
  HistEvent event;
  history(editor->history, &event, H_ENTER, entry);
}

void olv_editor_close(olv_editor *editor) {
  if (!editor) return;
  olv_signal_handle(SIGWINCH, SIG_DFL, 0);
  olv_signal_handle(SIGCONT, SIG_DFL, 0);
  if (editor->history) history_end(editor->history);
  if (editor->line) el_end(editor->line);
  free(editor);
}
