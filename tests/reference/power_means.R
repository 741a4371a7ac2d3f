# Power and sample size as R computes them: the library is held to these values.
#
#   Rscript tests/reference/power_means.R tests/reference
#
# pwr and stats::power.t.test where they have the test; where they have not, R's own integrate() over the
# textbook formula, written another way than in the library where there is one: the chance difference of the
# baselines by its F distribution, Welch's test by the ratio of variances, the correlation by Hotelling's
# density of r. Writes power_means.csv (case, its parameters, value) and power_means_versions.json.

library(pwr)
folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("give the folder to write to: Rscript power_means.R tests/reference")

rows <- list()
note <- function(case, value, n = NA, n2 = NA, effect = NA, sides = 2, alpha = 0.05, rho = NA, margin = NA, power = NA)
  rows[[length(rows) + 1]] <<- data.frame(case, n, n2, effect, sides, alpha, rho, margin, power, value)
integral <- function(f, a, b) integrate(f, a, b, rel.tol = 1e-11, abs.tol = 0, subdivisions = 2000)$value

# Sample sizes: two groups and paired, d the difference in SDs (of the pairs' differences).
# pwr finds the root to about 1e-4 only; power.t.test to what it is asked for.
for (d in c(0.2, 0.383, 0.5, 0.8)) for (power in c(0.8, 0.9)) {
  solve <- function(...) power.t.test(delta = d, power = power, tol = 1e-11, ...)$n
  note("n_two_groups", solve(strict = TRUE), effect = d, power = power)
  note("n_paired", solve(type = "paired", strict = TRUE), effect = d, power = power)
  note("n_one_sided", solve(alternative = "one.sided"), effect = -d, sides = 1, power = power)
}
note("n_two_groups_pwr", pwr.t.test(d = 0.5, power = 0.8)$n, effect = 0.5, power = 0.8)
note("n_paired_pwr", pwr.t.test(d = 0.5, power = 0.8, type = "paired")$n, effect = 0.5, power = 0.8)

# Power: two groups, unequal groups, paired, one-sided in the right and in the wrong direction.
for (n in c(3, 5, 10, 64)) for (d in c(-1.1, 0.5)) for (alpha in c(0.05, 0.01)) {
  note("two_groups", power.t.test(n = n, delta = abs(d), sig.level = alpha, strict = TRUE)$power, n = n, effect = d, alpha = alpha)
  note("paired", power.t.test(n = n, delta = abs(d), sig.level = alpha, type = "paired", strict = TRUE)$power, n = n, effect = d, alpha = alpha)
  note("unequal", pwr.t2n.test(n1 = n, n2 = 3 * n, d = d, sig.level = alpha)$power, n = n, n2 = 3 * n, effect = d, alpha = alpha)
  note("less", pwr.t2n.test(n1 = n, n2 = n, d = d, sig.level = alpha, alternative = "less")$power, n = n, effect = d, sides = 1, alpha = alpha)
}

# Two-sided noncentral t tail probability for a vector of noncentralities.
both_tails <- function(critical, df, ncp) {
  pt(critical, df, ncp, lower.tail = FALSE) + pt(-critical, df, ncp)
}

# Analysis of covariance: the baselines differ by chance, so that the variance grows by 1 + F / (2n - 2).
for (n in c(4, 10, 50)) for (rho in c(0.3, 0.8)) for (d in c(0.5, 1.2)) {
  critical <- qt(0.975, 2 * n - 3)
  value <- integral(function(u) sapply(u, function(p) {
    f <- qf(p, 1, 2 * n - 2)
    both_tails(critical, 2 * n - 3, d / sqrt((1 - rho^2) * 2 / n * (1 + f / (2 * n - 2))))
  }), 0, 1)
  note("ancova", value, n = n, effect = d, rho = rho)
}

# Welch's test with one true SD: the share b of the first arm in the pooled sum of squares is beta.
for (n in c(3, 6, 20)) for (n2 in c(n, 2 * n)) for (d in c(0, 0.9)) {
  value <- integral(function(b) dbeta(b, (n - 1) / 2, (n2 - 1) / 2) * sapply(b, function(b) {
    v1 <- b / (n - 1) / n; v2 <- (1 - b) / (n2 - 1) / n2
    df <- (v1 + v2)^2 / (v1^2 / (n - 1) + v2^2 / (n2 - 1))
    factor <- sqrt((v1 + v2) * (n + n2 - 2) / (1 / n + 1 / n2))
    both_tails(qt(0.975, df) * factor, n + n2 - 2, d / sqrt(1 / n + 1 / n2))
  }), 0, 1)
  note("welch", value, n = n, n2 = n2, effect = d)
}

# Two one-sided tests: given the estimated SD, the chance that the mean difference lies well inside.
for (n in c(4, 12, 60)) for (margin in c(0.5, 1, 3)) for (d in c(0, 0.2, margin)) {
  df <- 2 * n - 2; se <- sqrt(2 / n); critical <- qt(0.95, df)
  value <- integral(function(q) dchisq(q, df) * {
    room <- pmax(margin - critical * se * sqrt(q / df), 0)
    pnorm((room - d) / se) - pnorm((-room - d) / se)
  }, 0, min((margin / se / critical)^2 * df, qchisq(1e-14, df, lower.tail = FALSE)))
  note("equivalence", value, n = n, effect = d, margin = margin)
}

# Correlation: pwr's approximation, and the exact power from Hotelling's density of r.
for (n in c(10, 30, 84)) for (rho in c(0.1, 0.3, 0.7)) {
  note("correlation_pwr", pwr.r.test(n = n, r = rho)$power, n = n, rho = rho)
  critical <- qt(0.975, n - 2); critical <- critical / sqrt(n - 2 + critical^2)
  density <- function(r) sapply(r, function(r) {
    inner <- integral(function(w) (cosh(w) - rho * r)^(-(n - 1)), 0, 40)
    exp(log(n - 2) + (n - 1) / 2 * log(1 - rho^2) + (n - 4) / 2 * log(1 - r^2) - log(pi) + log(inner))
  })
  note("correlation", integral(density, critical, 1) + integral(density, -1, -critical), n = n, rho = rho)
}
note("n_correlation_pwr", pwr.r.test(r = 0.3, power = 0.8)$n, rho = 0.3, power = 0.8)

# Depth to see a taxon of share rho at least n times in 95 of 100 samples; n2: the correlation of reads.
miss <- function(depth, p, k, dispersion) {
  if (dispersion == 0) return(pbinom(k - 1, depth, p))
  a <- p * (1 - dispersion) / dispersion; b <- (1 - p) * (1 - dispersion) / dispersion
  sum(exp(lchoose(depth, 0:(k - 1)) + lbeta(0:(k - 1) + a, depth - 0:(k - 1) + b) - lbeta(a, b)))
}
for (p in c(1e-4, 1e-3, 0.05)) for (k in c(1, 3, 10)) for (dispersion in c(0, 1e-5, 1e-4)) {
  low <- k - 1; high <- 1e8
  while (high - low > 1) {
    middle <- floor((low + high) / 2)
    if (miss(middle, p, k, dispersion) <= 0.05) high <- middle else low <- middle
  }
  note("depth", high, n = k, n2 = dispersion, rho = p)
}

table <- do.call(rbind, rows)
numeric <- sapply(table, is.numeric)
table[numeric] <- lapply(table[numeric], function(x) ifelse(is.na(x), "", sprintf("%.12g", x)))
write.csv(table, file.path(folder, "power_means.csv"), row.names = FALSE, quote = FALSE)
writeLines(sprintf('{\n  "made_by": "tests/reference/power_means.R",\n  "R": "%s",\n  "pwr": "%s"\n}',
                   getRversion(), packageVersion("pwr")), file.path(folder, "power_means_versions.json"))
