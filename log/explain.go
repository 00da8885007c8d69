package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// unusable is what the operating system says about a data directory, and the way
// out.
type unusable struct {
	dir, hint string
	err       error
}

// Error names what, where and the way out.
func (u *unusable) Error() string {
	return fmt.Sprintf("data directory %s: %v: %s", u.dir, u.err, u.hint)
}

func (u *unusable) Unwrap() error { return u.err }

// explain adds the way out to what the operating system says about a data
// directory that cannot be used; an error that it does not know stays as it is.
func explain(dir string, err error) error {
	var explained *unusable
	if errors.As(err, &explained) || errors.Is(err, ErrMoved) {
		return err
	}
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		hint = "there is a file where a directory should be; move it away, or choose another --dir"
	case errors.Is(err, syscall.EISDIR):
		hint = "there is a directory where a file should be; move it away, or choose another --dir"
	case errors.Is(err, fs.ErrExist):
		hint = "something else has that name, a symbolic link to nothing perhaps; move it away, or choose another --dir"
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("this process runs as user %d and must own the directory and all that is in it; change the owner, or choose another --dir", os.Getuid())
	case errors.Is(err, syscall.EROFS):
		hint = "a server must be able to write; `altilium at`, `log`, `history`, `check` and `restore` read such a directory as it is"
	case errors.Is(err, syscall.ENOSPC):
		hint = "free some space, then start it again; nothing is lost"
	default:
		return err
	}
	return &unusable{dir: dir, hint: hint, err: err}
}

// quoted is a path as a person can paste it into a shell.
func quoted(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=@%:,./~"
	if path != "" && strings.Trim(path, plain) == "" && path[0] != '~' {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
