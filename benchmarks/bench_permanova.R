# Time of vegan::adonis2, called by bench_permanova.py: Rscript bench_permanova.R folder permutations rounds kind
suppressMessages(library(vegan))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
permutations <- as.integer(arguments[2])
rounds <- as.integer(arguments[3])
read_dist <- function(name) as.dist(as.matrix(read.csv(file.path(folder, name), header = FALSE)))
kind <- arguments[4] # processor or elapsed
taken <- function(times) if (kind == "processor") times[["user.self"]] + times[["sys.self"]] else times[["elapsed"]]
best <- function(call) min(replicate(rounds, taken(system.time(call()))))
blocked <- read_dist("blocked.csv")
metadata <- read.csv(file.path(folder, "metadata.csv"), stringsAsFactors = TRUE)
study <- read_dist("study.csv")
arms <- read.csv(file.path(folder, "arms.csv"), stringsAsFactors = TRUE)
test_blocked <- function() adonis2(blocked ~ arm, metadata, permutations = permutations, strata = metadata$subject)
test_study <- function() adonis2(study ~ arm, arms, permutations = permutations)
cat(sprintf('{"blocked_s": %.6f, "blocked_f": %.17g, "study_s": %.6f, "study_f": %.17g}\n',
            best(test_blocked), test_blocked()$F[1], best(test_study), test_study()$F[1]))
