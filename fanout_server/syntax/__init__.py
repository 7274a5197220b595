"""Source text to syntax trees and symbols, through ast-grep's parsers; larger work in a process of its own."""
