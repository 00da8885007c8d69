package main

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

// addCompletions has a shell offer what a word can be, beside verbs and flags: tags where
// a point is wanted, recordings, directories. Other points are not offered, since bash
// takes an @ for the end of a word.
func addCompletions(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "at", "diff", "log", "tag":
			cmd.ValidArgsFunction = offerTags
		case "replay":
			cmd.ValidArgsFunction = offerRecordings
		case "cli", "history", "blame":
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		for _, flag := range []string{"at", "since", "until", "good", "bad"} {
			offer(cmd, flag, offerTags)
		}
		offer(cmd, "dir", offerDirectories)
		switch cmd.Name() {
		case "restore":
			offer(cmd, "to", offerTags)
			offer(cmd, "out", offerDirectories)
			offerChoices(cmd, "ttl", "absolute", "shift", "frozen")
		case "fork", "check":
			offer(cmd, "out", offerDirectories)
		case "export":
			offerChoices(cmd, "format", "jsonl", "resp", "aof")
		}
	}
}

// offer registers what completes a flag, where the verb has it.
func offer(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if cmd.Flags().Lookup(flag) == nil {
		return
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // only for a flag that has one already
	}
}

// offerChoices is offer for a flag with few values.
func offerChoices(cmd *cobra.Command, flag string, values ...string) {
	offer(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// offerTags offers the tags of the directory.
func offerTags(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	w, err := replay.Look(completedDir(cmd))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp // the verb will say so
	}
	return slices.Sorted(maps.Keys(w.Tags)), cobra.ShellCompDirectiveNoFileComp
}

// offerRecordings offers the recordings in the directory, and files.
func offerRecordings(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	names, _ := fs.Glob(os.DirFS(completedDir(cmd)), "recordings/*.session")
	for i, name := range names {
		names[i] = strings.TrimSuffix(path.Base(name), ".session")
	}
	return names, cobra.ShellCompDirectiveDefault
}

// completedDir is the directory that --dir names; that of serve is a setting, and empty
// where it was not given.
func completedDir(cmd *cobra.Command) string {
	return cmp.Or(cmd.Flags().Lookup("dir").Value.String(), environmentDir())
}

// offerDirectories leaves it to the shell.
func offerDirectories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}
