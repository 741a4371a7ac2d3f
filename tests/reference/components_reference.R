# Reference values for tests/comparison/test_components.py, from base R, lme4 and vegan.
#
#   Rscript tests/reference/components_reference.R tests/reference
#
# Writes components_rail.csv (travel times of ultrasound in six rails, Devore 2000, as in nlme's Rail),
# components_pastes.csv (strength of paste, Davies and Goldsmith 1972, as in lme4's Pastes; both packages GPL >= 2,
# the numbers are published measurements), components_oneway.csv, components_nested.csv and
# components_distances.csv (simulated here) and components_reference.json.
# Made with R 4.2.2, lme4 1.1-31, nlme 3.1-162 and vegan 2.6-4.
suppressMessages({library(lme4); library(nlme); library(jsonlite); library(vegan)})
folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("give the folder to write to: Rscript components_reference.R tests/reference")
save <- function(frame, name) write.csv(frame, file.path(folder, name), row.names = FALSE, quote = FALSE)
RNGversion("4.0.0"); set.seed(7)
ref <- list()
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5),
                       check.conv.singular = "ignore")

reml <- function(formula, data) {
  fit <- lmer(formula, data, control = control)
  v <- as.data.frame(VarCorr(fit))
  list(groups = v$grp, sd = v$sdcor, share = v$vcov / sum(v$vcov), reml = unname(getME(fit, "devcomp")$cmp["REML"]))
}

# Interval of the ratio of variances from the F test that it is g: exact, also for unequal groups.
ratio_interval <- function(y, x, group, level = .95) {
  z <- model.matrix(~ 0 + factor(group))
  rest <- qr.resid(qr(cbind(x, z)), y); df <- length(y) - qr(cbind(x, z))$rank
  free <- qr(cbind(x, z))$rank - qr(x)$rank
  added <- function(g) {
    root <- solve(t(chol(diag(length(y)) + g * z %*% t(z))))
    sum(qr.resid(qr(root %*% x), root %*% y)^2) - sum(rest^2)
  }
  end <- function(p) {
    bound <- qf(p, free, df) * free * sum(rest^2) / df
    if (added(0) <= bound) return(0)
    exp(uniroot(function(l) added(exp(l)) - bound, c(-20, 15), tol = 1e-13)$root)
  }
  g <- c(end(.5 + level / 2), end(.5 - level / 2))
  list(icc = g / (1 + g),
       sd_between = sqrt(g * sapply(g, added) / qchisq(c(.5 + level / 2, .5 - level / 2), free)),
       sd_within = sqrt(sum(rest^2) / qchisq(c(.5 + level / 2, .5 - level / 2), df)))
}

# Balanced: the textbook intervals from the two mean squares.
rail <- data.frame(sample = sprintf("r%02d", 1:18), rail = as.character(Rail$Rail), travel = Rail$travel)
save(rail, "components_rail.csv")
table <- anova(lm(travel ~ rail, rail)); k <- 3
ms <- table[["Mean Sq"]]; df <- table[["Df"]]; f <- ms[1] / ms[2]
fl <- f / qf(.975, df[1], df[2]); fu <- f / qf(.025, df[1], df[2])
ref$rail <- c(reml(travel ~ 1 + (1 | rail), rail), list(
  anova_icc = (ms[1] - ms[2]) / (ms[1] + (k - 1) * ms[2]),
  icc = c((fl - 1) / (fl + k - 1), (fu - 1) / (fu + k - 1)),
  sd_between = sqrt(ms[1] * df[1] * (1 - 1 / c(fl, fu)) / k / qchisq(c(.975, .025), df[1])),
  sd_within = sqrt(ms[2] * df[2] / qchisq(c(.975, .025), df[2]))))

# One random factor, unequal numbers, with and without covariates.
sizes <- c(1, 2, 5, 3, 1, 4, 6, 2, 3, 3, 1, 2)
oneway <- data.frame(subject = rep(sprintf("p%02d", 1:12), sizes))
oneway$arm <- ifelse(as.integer(factor(oneway$subject)) %% 2, "a", "b")
oneway$day <- unlist(lapply(sizes, seq_len))
oneway$y <- round(3 + rnorm(12, 0, .5)[factor(oneway$subject)] + .4 * (oneway$arm == "b") + .05 * oneway$day +
                  rnorm(nrow(oneway), 0, .5), 4)
oneway$sample <- sprintf("s%02d", seq_len(nrow(oneway)))
save(oneway[c("sample", "subject", "arm", "day", "y")], "components_oneway.csv")
one <- matrix(1, nrow(oneway), 1)
ref$oneway <- c(reml(y ~ 1 + (1 | subject), oneway), ratio_interval(oneway$y, one, oneway$subject))
ref$covariates <- c(reml(y ~ arm + day + (1 | subject), oneway),
                    ratio_interval(oneway$y, model.matrix(~ arm + day, oneway), oneway$subject))

# Two nested factors: profile intervals from lme4's own deviance, minimised again at each fixed value.
profile_intervals <- function(formula, data) {
  fit <- lmer(formula, data, control = control)
  best <- getME(fit, "theta"); sigma <- sigma(fit)  # theta: subject over residual, cage over residual
  devfun <- lmer(formula, data, control = control, devFunOnly = TRUE)
  e <- environment(devfun); free <- nrow(data) - length(fixef(fit))
  deviance_at <- function(sd) {  # subject, cage, residual
    devfun(c(sd[1], sd[2]) / sd[3])
    free * log(2 * pi * sd[3]^2) + e$pp$ldL2() + e$pp$ldRX2() + (e$resp$wrss() + e$pp$sqrL(1)) / sd[3]^2
  }
  sd <- c(best * sigma, sigma); least <- deviance_at(sd)
  search <- function(f, start) {
    found <- optim(start, f, control = list(reltol = 1e-15, maxit = 5000))
    optim(found$par, f, control = list(reltol = 1e-15, maxit = 5000))$value
  }
  cage_sd <- function(s) search(function(p) deviance_at(c(abs(p[1]), s, exp(p[2]))), c(sd[1], log(sd[3])))
  share <- function(which, s) {
    other <- 3 - which  # the rest of the variance is split by angle; the scale is free
    search(function(p) {
      part <- numeric(3); part[which] <- s
      part[other] <- (1 - s) * sin(p[1])^2; part[3] <- (1 - s) * cos(p[1])^2
      deviance_at(exp(p[2]) * sqrt(part))
    }, c(atan(sd[other] / sd[3]), log(sqrt(sum(sd^2)))))
  }
  ends <- function(f, at, high) {
    excess <- function(v) f(v) - least - qchisq(.95, 1)
    c(if (excess(1e-9) <= 0) 0 else uniroot(excess, c(1e-9, at), tol = 1e-10)$root,
      uniroot(excess, c(at, high), tol = 1e-10)$root)
  }
  shares <- sd^2 / sum(sd^2)
  list(sd_cluster = ends(cage_sd, sd[2], 20 * sd[2]), icc = ends(function(s) share(1, s), shares[1], 1 - 1e-6),
       cluster_icc = ends(function(s) share(2, s), shares[2], 1 - 1e-6))
}
nested_reference <- function(y, cage, subject) {
  data <- data.frame(y = y, cage = cage, subject = subject)
  fixed <- ratio_interval(y, model.matrix(~ 0 + factor(cage)), subject)
  c(reml(y ~ 1 + (1 | subject) + (1 | cage), data), profile_intervals(y ~ 1 + (1 | subject) + (1 | cage), data),
    fixed[c("sd_between", "sd_within")])
}
pastes <- data.frame(sample = sprintf("t%02d", 1:60), batch = as.character(Pastes$batch),
                     cask = paste0(Pastes$batch, Pastes$cask), strength = Pastes$strength)
save(pastes, "components_pastes.csv")
ref$pastes <- with(pastes, nested_reference(strength, batch, cask))
nested <- do.call(rbind, lapply(1:9, function(k) {
  own <- rnorm(1, 0, .9)
  do.call(rbind, lapply(seq_len(1 + k %% 4), function(m) data.frame(
    cage = paste0("c", k), mouse = paste0("c", k, "m", m),
    y = round(3 + own + rnorm(1, 0, .4) + rnorm(1 + (k + m) %% 3, 0, .4), 4))))
}))
nested$sample <- sprintf("s%02d", seq_len(nrow(nested)))
save(nested[c("sample", "cage", "mouse", "y")], "components_nested.csv")
ref$nested <- with(nested, nested_reference(y, cage, mouse))

# Distances: sums of squares by adonis2, cages first, then the mice in them; balanced, so that mean squares suffice.
design <- expand.grid(repeated = 1:3, mouse = 1:3, cage = 1:5)
shift <- matrix(rnorm(5 * 8, 0, .5), 5)[design$cage, ] + matrix(rnorm(15 * 8, 0, .5), 15)[(design$cage - 1) * 3 + design$mouse, ]
counts <- matrix(rpois(45 * 8, 20 * exp(shift + rnorm(45 * 8, 0, .4))), 45)
design$subject <- paste0("c", design$cage, "m", design$mouse); design$cage <- paste0("c", design$cage)
save(data.frame(sample = sprintf("d%02d", 1:45), design[c("cage", "subject")], counts), "components_distances.csv")
bray <- vegdist(counts, "bray")
ss <- adonis2(bray ~ cage + subject, design, permutations = 9)$SumOfSqs
ms <- ss[1:3] / c(4, 10, 30)
variances <- c((ms[1] - ms[2]) / 9, (ms[2] - ms[3]) / 3, ms[3])
alone <- adonis2(bray ~ subject, design, permutations = 9)$SumOfSqs; between <- alone[1] / 14
ref$distances <- list(sd = sqrt(variances), share = variances / sum(variances),
                      subject_only = list(sd = sqrt(c((between - ms[3]) / 3, ms[3]))))
pairs <- which(upper.tri(diag(45)), arr.ind = TRUE); d <- as.matrix(bray)[pairs]
same <- design$subject[pairs[, 1]] == design$subject[pairs[, 2]]
home <- design$cage[pairs[, 1]] == design$cage[pairs[, 2]]
describe <- function(x) c(mean(x), sd(x), length(x))
ref$distances$pairs <- list(within_subject = describe(d[same]), between_subjects = describe(d[!same]),
  between_subjects_within_cluster = describe(d[!same & home]), between_clusters = describe(d[!home]))

write_json(ref, file.path(folder, "components_reference.json"), auto_unbox = TRUE, digits = NA, pretty = TRUE)
