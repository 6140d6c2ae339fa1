package main

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	_ "github.com/ncruces/go-sqlite3/driver" // The driver "sqlite3".
	_ "github.com/ncruces/go-sqlite3/embed"  // SQLite itself, which needs no C compiler.
)

const (
	rowLimit  = 50
	hitLimit  = 3
	textLimit = 240
)

// sqlTool runs SQL on the database of a file, on a connection that only reads.
func sqlTool(file string) tool {
	run := func(ctx context.Context, arguments map[string]any) (any, error) {
		statement, _ := arguments["statement"].(string)
		return queryDatabase(ctx, file, statement)
	}
	parameters := map[string]any{
		"statement": map[string]any{"type": "string", "description": "One statement in SQLite's SQL."},
	}
	return tool{"sql", "Runs a statement on the incident database.", parameters, run}
}

func queryDatabase(ctx context.Context, file, statement string) (any, error) {
	address := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: "mode=ro"}
	database, err := sql.Open("sqlite3", address.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = database.Close() }()
	found, err := database.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	rows := [][]any{}
	for len(rows) < rowLimit && found.Next() {
		row, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			places[i] = &row[i]
		}
		if err := found.Scan(places...); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return map[string]any{"columns": columns, "rows": rows}, found.Err()
}

// searchTool searches the documents below a folder.
func searchTool(root string) tool {
	run := func(_ context.Context, arguments map[string]any) (any, error) {
		query, _ := arguments["query"].(string)
		return search(root, query)
	}
	parameters := map[string]any{
		"query": map[string]any{"type": "string", "description": "Words that a paragraph must have."},
	}
	return tool{"search", "Searches the documents of the repository.", parameters, run}
}

// hit is a paragraph with where it stands.
type hit struct {
	Path string `json:"path"`
	Line int    `json:"line"`
	Text string `json:"text"`

	hasPhrase bool
	count     int
}

var word = regexp.MustCompile(`\w{3,}`)

// search gives the paragraphs in which all words of the query stand, best first: those with the words next
// to each other, then those in which they stand more often.
func search(root, query string) (any, error) {
	words := word.FindAllString(strings.ToLower(query), -1)
	hits := []hit{}
	for _, folder := range []string{".", "docs", "spec/adr"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.md"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			found, err := paragraphs(root, file)
			if err != nil {
				return nil, err
			}
			for _, each := range found {
				if each.rank(words) {
					hits = append(hits, each)
				}
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		if a.hasPhrase != b.hasPhrase {
			if a.hasPhrase {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return map[string]any{"query": query, "hits": hits[:min(hitLimit, len(hits))]}, nil
}

func (h *hit) rank(words []string) bool {
	text := strings.ToLower(h.Text)
	for _, each := range words {
		count := strings.Count(text, each)
		if count == 0 {
			return false
		}
		h.count += count
	}
	h.hasPhrase = strings.Contains(text, strings.Join(words, " "))
	if shown := []rune(h.Text); len(shown) > textLimit {
		h.Text = string(shown[:textLimit-1]) + "…"
	}
	return len(words) > 0
}

// paragraphs are those of prose: no headings, tables or code fences; each element of a list is one.
func paragraphs(root, file string) ([]hit, error) {
	input, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = input.Close() }()
	path, err := filepath.Rel(root, file)
	if err != nil {
		return nil, err
	}
	var found []hit
	var lines []string
	number := 0
	end := func() {
		if len(lines) > 0 {
			found = append(found, hit{
				Path: filepath.ToSlash(path), Line: number - len(lines), Text: strings.Join(lines, " "),
			})
			lines = nil
		}
	}
	scanner := bufio.NewScanner(input)
	for scanner.Scan() {
		number++
		text := strings.TrimSpace(scanner.Text())
		isProse := text != "" && !slices.ContainsFunc([]string{"#", "|", "```"}, func(mark string) bool {
			return strings.HasPrefix(text, mark)
		})
		if !isProse || strings.HasPrefix(text, "- ") {
			end()
		}
		if isProse {
			lines = append(lines, text)
		}
	}
	number++
	end()
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}
