# Reference values for tests/comparison/test_permanova.py, from vegan and permute (Debian: r-cran-vegan, r-cran-jsonlite).
# Run from the root of the repository:  Rscript tests/reference/vegan_permanova.R
# It writes tests/reference/vegan_permanova.json.
suppressMessages({library(vegan); library(permute); library(jsonlite)})
RNGversion("4.0.0")

table_of <- function(fit) {
  data.frame(term = rownames(fit), df = fit$Df, sum_of_squares = fit$SumOfSqs, r_squared = fit$R2,
             pseudo_f = fit$F, p_value = fit[["Pr(>F)"]])
}
dispersion_of <- function(d, group, permutations) {
  lapply(c(median = "median", centroid = "centroid"), function(type) {
    fit <- betadisper(d, group, type = type)
    test <- permutest(fit, permutations = permutations)
    list(distances = unname(fit$distances), f = unname(test$statistic[1]), p = test$tab[1, "Pr(>F)"])
  })
}

# 1. dune, vegan's own example: F and R2 in several models; p from 9,999 random permutations
data(dune); data(dune.env)
dune_distances <- vegdist(dune)
env <- data.frame(A1 = dune.env$A1, Management = as.character(dune.env$Management),
                  Moisture = paste0("m", dune.env$Moisture), Use = as.character(dune.env$Use))
set.seed(1)
models <- list(
  list(factor = "Management", covariates = character(), by = "terms",
       fit = adonis2(dune_distances ~ Management, env, permutations = 9999)),
  list(factor = "A1", covariates = character(), by = "terms",
       fit = adonis2(dune_distances ~ A1, env, permutations = 9999)),
  list(factor = "Management", covariates = c("A1", "Moisture"), by = "terms",
       fit = adonis2(dune_distances ~ A1 + Moisture + Management, env, permutations = 9999)),
  list(factor = "Management", covariates = c("A1", "Moisture"), by = "margin",
       fit = adonis2(dune_distances ~ A1 + Moisture + Management, env, by = "margin", permutations = 9999)),
  list(factor = "A1", covariates = "Moisture", by = "terms",
       fit = adonis2(dune_distances ~ Moisture + A1, env, permutations = 9999)),
  list(factor = "Management", covariates = character(), by = "terms", blocks = "Use",
       fit = adonis2(dune_distances ~ Management, env, permutations = 9999, strata = env$Use)),
  list(factor = "Management", covariates = "Use", by = "terms", blocks = "Use",
       fit = adonis2(dune_distances ~ Use + Management, env, permutations = 9999, strata = env$Use)))
models <- lapply(models, function(m) { m$table <- table_of(m$fit); m$fit <- NULL; m })
dune_out <- list(distances = as.vector(dune_distances), columns = env, models = models,
                 dispersion = dispersion_of(dune_distances, env$Management, how(nperm = 9999)))

# 2. small designs in which every permutation of rows can be gone through: exact p
community <- function(group, unit, shift) {
  n <- length(group)
  counts <- matrix(rexp(n * 12), n) * exp(shift * outer(as.integer(group), rnorm(12)))
  vegdist(counts * exp(matrix(rnorm(nlevels(unit) * 12, sd = .3), nlevels(unit))[unit, ]))
}
design <- function(name, group, rows, unit, shift, block = NULL, covariate = NULL) {
  d <- community(factor(group), factor(unit), shift)
  rows <- rows[apply(rows, 1, function(row) any(row != seq_along(row))), ]   # all but the observed order
  data <- data.frame(group = group, unit = unit)
  if (!is.null(block)) data$block <- as.character(block)
  formula <- if (is.null(covariate)) d ~ group else d ~ block + group
  list(name = name, distances = as.vector(d), columns = data, n_rows = nrow(rows) + 1,
       covariates = if (is.null(covariate)) character() else covariate,
       table = table_of(adonis2(formula, data, permutations = rows)),
       dispersion = dispersion_of(d, group, rows))
}
set.seed(2)
all_of <- function(n, ...) {
  scheme <- how(..., complete = TRUE, maxperm = 1e6, minperm = 1, observed = TRUE)
  rows <- allPerms(n, scheme)
  matrix(as.integer(rows), nrow(rows))
}
eight <- rep(c("a", "b"), each = 4)
three <- rep(c("x", "y", "z"), c(2, 2, 3))
block3 <- factor(rep(paste0("s", 1:4), each = 3))
in_block <- c("a", "b", "b", "b", "a", "b", "b", "a", "a", "b", "b", "a")
cage <- factor(rep(paste0("c", 1:6), each = 2))
cage8 <- factor(rep(paste0("c", 1:8), each = 2))
room <- factor(rep(c("r1", "r2"), each = 8))
whole <- function(strata) Plots(strata = strata, type = "free")
no_shuffle <- Within(type = "none")
# allPerms() of permute 0.9-7 numbers the rows of every block from 1 when plots lie in blocks: joined here by hand
one_room <- all_of(8, plots = whole(droplevels(cage8[1:8])), within = no_shuffle)
pairs <- expand.grid(seq_len(nrow(one_room)), seq_len(nrow(one_room)))
two_rooms <- cbind(one_room[pairs[, 1], ], one_room[pairs[, 2], ] + 8L)
exact <- list(
  design("free", eight, all_of(8), paste0("s", 1:8), .4),
  design("free_three_levels", three, all_of(7), paste0("s", 1:7), .3),
  design("blocks", in_block, all_of(12, blocks = block3), paste0("u", 1:12), .3, block3),
  design("blocks_as_covariate", in_block, all_of(12, blocks = block3), paste0("u", 1:12), .3, block3, "block"),
  design("plots", rep(c("a", "b"), each = 6), all_of(12, plots = whole(cage), within = no_shuffle),
         as.character(cage), .3),
  design("plots_in_blocks", rep(rep(c("a", "b"), each = 4), 2), two_rooms, as.character(cage8), .4, room))

write_json(list(versions = list(R = as.character(getRversion()), vegan = as.character(packageVersion("vegan")),
                                permute = as.character(packageVersion("permute"))),
                dune = dune_out, exact = exact),
           "tests/reference/vegan_permanova.json", digits = NA, auto_unbox = TRUE, na = "null")
for (one in exact) cat(sprintf("%-20s rows %6d  F %.6f  p %.5f  dispersion p %.5f\n", one$name, one$n_rows,
                               tail(one$table$pseudo_f, 3)[1], tail(one$table$p_value, 3)[1],
                               one$dispersion$median$p))
for (m in models) print(m$table)
