# Time of repeated vegan::rrarefy, called by bench_rarefaction.py: Rscript bench_rarefaction.R table.csv depth draws runs
suppressMessages(library(vegan))
arguments <- commandArgs(trailingOnly = TRUE)
table <- as.matrix(read.csv(arguments[1], row.names = 1, check.names = FALSE))
storage.mode(table) <- "integer"
depth <- as.integer(arguments[2])
draws <- as.integer(arguments[3])
runs <- as.integer(arguments[4])
set.seed(0)
one_run <- function() {
  times <- system.time(for (draw in seq_len(draws)) rarefied <- rrarefy(table, depth))
  stopifnot(all(rowSums(rarefied) == depth))
  times[["user.self"]] + times[["sys.self"]] # processor seconds
}
cat(median(replicate(runs, one_run())), "\n")
